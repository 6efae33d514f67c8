// Package aggregate is Cisco's aggregate authentication, version 2: the XML documents
// by which an AnyConnect gateway asks and a client answers, over HTTPS or in EAP. It
// reads them, has a person's answers filled in, and writes what goes back; how they
// travel is the caller's concern.
//
//	xml        documents as trees of elements
//	document   what a gateway says
//	form       what it asks for
//	answers    who answers which field, and what is asked of people
//	hostscan   the program that reports about this computer
//	refusal    what a refused login means
//	compose    what the client says
//	redact     documents without their secrets
package aggregate
