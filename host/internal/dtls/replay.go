package dtls

import "github.com/penstock-vpn/penstock/host/internal/replay"

const windowBits = 1024 // how far a record may come late

// window is the anti-replay window of RFC 6347 section 4.1.2.6.
type window = replay.Window[[windowBits/64 + 1]uint64]
