package testlab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// SoftEther as Debian 12 has it takes no SSTP call: looking a protocol up by its name it
// forgets what it has found, and hangs up. Upstream mended that in December 2020 ("fix crash
// in ProtoHandleConnection()"): container = tmp. So does this, in a copy of the program: the
// loop over the protocols, in registers
//
//	r15 protocols, rbp the name, rbx the socket; wanted: r12 what was found
//
// is written anew in its place. Everything else is SoftEther's own.
const (
	forgetsStart = "\x48\x8b\x47\x08\x31\xdb\x48\x89\xc2\x48\x85\xc0\x75\x28\xeb\x31\x90\x48\x8b\x52\x10\x89\xd8\x48\x89\xee\x48\x8b\x04\xc2\x48\x8b\x38\xe8"
	forgetsEnd   = "\x85\xc0\x74\x17\x49\x8b\x57\x08\x83\xc3\x01\x48\x85\xd2\x74\x0b\x3b\x5a\x08\x72\xd6\x66\x0f\x1f\x44\x00\x00" +
		"\x31\xc0" // return false
	keepsStart = "\x45\x31\xed" + // i = 0
		"\x49\x8b\x57\x08\x44\x3b\x6a\x08\x73\x34" + // while i < the number of protocols
		"\x48\x8b\x52\x10\x4e\x8b\x24\xea\x41\xff\xc5" + // found = the i-th, i++
		"\x49\x8b\x3c\x24\x48\x89\xee\xe8" // compare its name with ours
	keepsEnd = "\x85\xc0\x75\xdb\x4c\x89\xe0\xeb\x75" // until it is the same: go on with it

	callSize = 4 // of the distance to a function
)

// mend returns a vpnserver that takes SSTP calls.
func mend(program []byte) ([]byte, error) {
	start := bytes.Index(program, []byte(forgetsStart))
	call := start + len(forgetsStart)
	if start < 0 || !bytes.HasPrefix(program[min(call+callSize, len(program)):], []byte(forgetsEnd)) {
		return nil, errors.New("it is not the one of Debian 12")
	}
	compare := binary.LittleEndian.Uint32(program[call:]) + uint32(len(forgetsStart)-len(keepsStart))
	keeps := append(binary.LittleEndian.AppendUint32([]byte(keepsStart), compare), keepsEnd...)
	mended := bytes.Clone(program)
	copy(mended[start:], keeps)
	return mended, nil
}

func mendFile(from, to string) error {
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if program, err = mend(program); err != nil {
		return fmt.Errorf("%s cannot be mended: %w", from, err)
	}
	return os.WriteFile(to, program, 0o755)
}
