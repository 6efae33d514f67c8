package testlab

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"time"
)

// otpSecret is alice's, as in testdata/ocserv/otp.
const otpSecret = "12345678901234567890"

// OTP is alice's one-time password at a time: RFC 6238 with SHA-1, 30 seconds and
// six digits. ocserv takes each only once.
func OTP(at time.Time) string {
	mac := hmac.New(sha1.New, []byte(otpSecret))
	binary.Write(mac, binary.BigEndian, uint64(at.Unix()/30))
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[offset:])&0x7fffffff%1000000)
}
