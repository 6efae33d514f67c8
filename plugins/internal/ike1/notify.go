package ike1

import (
	"encoding/binary"
	"fmt"
)

// NotifyType says what a notification tells; below 16384 it is an error.
type NotifyType uint16

// The notifications that a client meets: RFC 2408 section 3.14.1, RFC 2407 section 4.6.3,
// RFC 3706.
const (
	InvalidPayload       NotifyType = 1
	InvalidCookie        NotifyType = 4
	InvalidExchange      NotifyType = 7
	InvalidMessageID     NotifyType = 9
	InvalidSPI           NotifyType = 11
	AttributesUnknown    NotifyType = 13
	NoProposalChosen     NotifyType = 14
	PayloadMalformed     NotifyType = 16
	InvalidKey           NotifyType = 17
	InvalidID            NotifyType = 18
	InvalidCertificate   NotifyType = 20
	CertificateUnwanted  NotifyType = 22
	InvalidHash          NotifyType = 23
	AuthenticationFailed NotifyType = 24
	InvalidSignature     NotifyType = 25
	NotifySALifetime     NotifyType = 27
	CertificateMissing   NotifyType = 28
	UnsupportedExchange  NotifyType = 29
	ResponderLifetime    NotifyType = 24576
	InitialContact       NotifyType = 24578
	DPDRequest           NotifyType = 36136
	DPDAnswer            NotifyType = 36137
	LoadBalance          NotifyType = 40501
)

// FirstStatus is the first type that is no error.
const FirstStatus NotifyType = 16384

var notifyNames = map[NotifyType]string{InvalidPayload: "INVALID-PAYLOAD-TYPE", InvalidCookie: "INVALID-COOKIE", InvalidExchange: "INVALID-EXCHANGE-TYPE",
	InvalidMessageID: "INVALID-MESSAGE-ID", InvalidSPI: "INVALID-SPI", AttributesUnknown: "ATTRIBUTES-NOT-SUPPORTED", NoProposalChosen: "NO-PROPOSAL-CHOSEN",
	PayloadMalformed: "PAYLOAD-MALFORMED", InvalidKey: "INVALID-KEY-INFORMATION", InvalidID: "INVALID-ID-INFORMATION", InvalidCertificate: "INVALID-CERTIFICATE",
	CertificateUnwanted: "INVALID-CERT-AUTHORITY", InvalidHash: "INVALID-HASH-INFORMATION", AuthenticationFailed: "AUTHENTICATION-FAILED", InvalidSignature: "INVALID-SIGNATURE",
	NotifySALifetime: "NOTIFY-SA-LIFETIME", CertificateMissing: "CERTIFICATE-UNAVAILABLE", UnsupportedExchange: "UNSUPPORTED-EXCHANGE-TYPE",
	ResponderLifetime: "RESPONDER-LIFETIME", InitialContact: "INITIAL-CONTACT", DPDRequest: "R-U-THERE", DPDAnswer: "R-U-THERE-ACK", LoadBalance: "LOAD-BALANCE"}

// String is the name of the type.
func (n NotifyType) String() string {
	if name, known := notifyNames[n]; known {
		return name
	}
	return fmt.Sprintf("notification %d", uint16(n))
}

// Notify is a notification.
type Notify struct {
	Protocol Protocol
	Kind     NotifyType
	SPI      []byte
	Data     []byte
}

const notifyHead = 8

// Payload writes it.
func (n Notify) Payload() Payload {
	b := binary.BigEndian.AppendUint16([]byte{0, 0, 0, ipsecDOI, byte(n.Protocol), byte(len(n.SPI))}, uint16(n.Kind))
	return Payload{TypeNotify, append(append(b, n.SPI...), n.Data...)}
}

// ParseNotify reads the body of a notification, of whatever domain.
func ParseNotify(b []byte) (Notify, error) {
	if len(b) < notifyHead || len(b) < notifyHead+int(b[5]) {
		return Notify{}, malformed("a notification of %d bytes", len(b))
	}
	end := notifyHead + int(b[5])
	return Notify{Protocol(b[4]), NotifyType(binary.BigEndian.Uint16(b[6:])), b[notifyHead:end:end], b[end:]}, nil
}

// Attributes reads Data as attributes, for a lifetime.
func (n Notify) Attributes() ([]Attribute, error) { return parseAttributes(n.Data) }
