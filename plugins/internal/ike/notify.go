package ike

import (
	"encoding/binary"
	"fmt"
)

// NotifyType says what a notification tells; below 16384 it is an error.
type NotifyType uint16

// The notifications that a client meets.
const (
	UnsupportedCriticalPayload NotifyType = 1
	InvalidIKESPI              NotifyType = 4
	InvalidMajorVersion        NotifyType = 5
	InvalidSyntax              NotifyType = 7
	InvalidMessageID           NotifyType = 9
	InvalidSPI                 NotifyType = 11
	NoProposalChosen           NotifyType = 14
	InvalidKEPayload           NotifyType = 17
	AuthenticationFailed       NotifyType = 24
	SinglePairRequired         NotifyType = 34
	NoAdditionalSAs            NotifyType = 35
	InternalAddressFailure     NotifyType = 36
	FailedCPRequired           NotifyType = 37
	TSUnacceptable             NotifyType = 38
	InvalidSelectors           NotifyType = 39
	UnacceptableAddresses      NotifyType = 40
	UnexpectedNATDetected      NotifyType = 41
	TemporaryFailure           NotifyType = 43
	ChildSANotFound            NotifyType = 44
	StateNotFound              NotifyType = 47

	InitialContact          NotifyType = 16384
	SetWindowSize           NotifyType = 16385
	AdditionalTSPossible    NotifyType = 16386
	IPCompSupported         NotifyType = 16387
	NATDetectionSource      NotifyType = 16388
	NATDetectionDestination NotifyType = 16389
	Cookie                  NotifyType = 16390
	UseTransportMode        NotifyType = 16391
	HTTPCertLookupSupported NotifyType = 16392
	RekeySA                 NotifyType = 16393
	ESPTFCPaddingNot        NotifyType = 16394
	NonFirstFragmentsAlso   NotifyType = 16395
	MobikeSupported         NotifyType = 16396
	AdditionalIPv4Address   NotifyType = 16397
	AdditionalIPv6Address   NotifyType = 16398
	NoAdditionalAddresses   NotifyType = 16399
	UpdateSAAddresses       NotifyType = 16400
	Cookie2                 NotifyType = 16401
	NoNATsAllowed           NotifyType = 16402
	AuthLifetime            NotifyType = 16403
	MultipleAuthSupported   NotifyType = 16404
	AnotherAuthFollows      NotifyType = 16405
	RedirectSupported       NotifyType = 16406
	Redirect                NotifyType = 16407
	RedirectedFrom          NotifyType = 16408
	TicketLifetime          NotifyType = 16409 // with the ticket
	TicketRequest           NotifyType = 16410
	TicketAck               NotifyType = 16411
	TicketNack              NotifyType = 16412
	TicketOpaque            NotifyType = 16413
	EAPOnlyAuthentication   NotifyType = 16417
	FragmentationSupported  NotifyType = 16430
	SignatureHashAlgorithms NotifyType = 16431
	IntermediateSupported   NotifyType = 16438
	AdditionalKeyExchange   NotifyType = 16441
)

var notifyNames = map[NotifyType]string{
	UnsupportedCriticalPayload: "UNSUPPORTED_CRITICAL_PAYLOAD", InvalidIKESPI: "INVALID_IKE_SPI", InvalidMajorVersion: "INVALID_MAJOR_VERSION",
	InvalidSyntax: "INVALID_SYNTAX", InvalidMessageID: "INVALID_MESSAGE_ID", InvalidSPI: "INVALID_SPI", NoProposalChosen: "NO_PROPOSAL_CHOSEN",
	InvalidKEPayload: "INVALID_KE_PAYLOAD", AuthenticationFailed: "AUTHENTICATION_FAILED", SinglePairRequired: "SINGLE_PAIR_REQUIRED",
	NoAdditionalSAs: "NO_ADDITIONAL_SAS", InternalAddressFailure: "INTERNAL_ADDRESS_FAILURE", FailedCPRequired: "FAILED_CP_REQUIRED",
	TSUnacceptable: "TS_UNACCEPTABLE", InvalidSelectors: "INVALID_SELECTORS", UnacceptableAddresses: "UNACCEPTABLE_ADDRESSES",
	UnexpectedNATDetected: "UNEXPECTED_NAT_DETECTED", TemporaryFailure: "TEMPORARY_FAILURE", ChildSANotFound: "CHILD_SA_NOT_FOUND", StateNotFound: "STATE_NOT_FOUND",
	InitialContact: "INITIAL_CONTACT", SetWindowSize: "SET_WINDOW_SIZE", AdditionalTSPossible: "ADDITIONAL_TS_POSSIBLE",
	IPCompSupported: "IPCOMP_SUPPORTED", NATDetectionSource: "NAT_DETECTION_SOURCE_IP", NATDetectionDestination: "NAT_DETECTION_DESTINATION_IP",
	Cookie: "COOKIE", UseTransportMode: "USE_TRANSPORT_MODE", HTTPCertLookupSupported: "HTTP_CERT_LOOKUP_SUPPORTED", RekeySA: "REKEY_SA",
	ESPTFCPaddingNot: "ESP_TFC_PADDING_NOT_SUPPORTED", NonFirstFragmentsAlso: "NON_FIRST_FRAGMENTS_ALSO", MobikeSupported: "MOBIKE_SUPPORTED",
	AdditionalIPv4Address: "ADDITIONAL_IP4_ADDRESS", AdditionalIPv6Address: "ADDITIONAL_IP6_ADDRESS", NoAdditionalAddresses: "NO_ADDITIONAL_ADDRESSES",
	UpdateSAAddresses: "UPDATE_SA_ADDRESSES", Cookie2: "COOKIE2", NoNATsAllowed: "NO_NATS_ALLOWED", AuthLifetime: "AUTH_LIFETIME",
	MultipleAuthSupported: "MULTIPLE_AUTH_SUPPORTED", AnotherAuthFollows: "ANOTHER_AUTH_FOLLOWS", RedirectSupported: "REDIRECT_SUPPORTED",
	Redirect: "REDIRECT", RedirectedFrom: "REDIRECTED_FROM", TicketLifetime: "TICKET_LT_OPAQUE",
	TicketRequest: "TICKET_REQUEST", TicketAck: "TICKET_ACK", TicketNack: "TICKET_NACK", TicketOpaque: "TICKET_OPAQUE", EAPOnlyAuthentication: "EAP_ONLY_AUTHENTICATION",
	FragmentationSupported: "IKEV2_FRAGMENTATION_SUPPORTED", SignatureHashAlgorithms: "SIGNATURE_HASH_ALGORITHMS",
	IntermediateSupported: "INTERMEDIATE_EXCHANGE_SUPPORTED", AdditionalKeyExchange: "ADDITIONAL_KEY_EXCHANGE",
}

// String is the name that the RFCs use.
func (t NotifyType) String() string {
	if name, known := notifyNames[t]; known {
		return name
	}
	if t.IsError() {
		return fmt.Sprintf("error %d", uint16(t))
	}
	return fmt.Sprintf("notification %d", uint16(t))
}

// IsError says whether the notification is a refusal.
func (t NotifyType) IsError() bool { return t < 16384 }

// Notify is a Notify payload.
type Notify struct {
	Protocol Protocol // of the SPI
	Kind     NotifyType
	SPI      []byte
	Data     []byte
}

// Type implements Payload.
func (*Notify) Type() PayloadType { return TypeNotify }

func (n *Notify) append(b []byte) []byte {
	b = append(b, byte(n.Protocol), byte(len(n.SPI)))
	b = binary.BigEndian.AppendUint16(b, uint16(n.Kind))
	return append(append(b, n.SPI...), n.Data...)
}

func parseNotify(b []byte) (*Notify, error) {
	if len(b) < 4 || 4+int(b[1]) > len(b) {
		return nil, malformed("%d bytes", len(b))
	}
	end := 4 + int(b[1])
	return &Notify{Protocol(b[0]), NotifyType(binary.BigEndian.Uint16(b[2:])), b[4:end:end], b[end:]}, nil
}
