// Package sandbox starts a program that can do nothing but compute and speak to its
// host. The program is a sealed copy in memory, so what was verified is what runs.
//
//	host                                 stage                          program
//	 │ clone: new net, pid, ipc, uts,     │                              │
//	 │ mount namespace; exec itself ─────▶│                              │
//	 │ plan, sealed copy, other           │                              │
//	 │ descriptors ──────────────────────▶│ empty root, private tmpfs    │
//	 │ ◀── the tmpfs, as a descriptor ────│ own uid, limits, no          │
//	 │                                    │ capabilities, no new ones,   │
//	 │                                    │ landlock, seccomp            │
//	 │                                    │ exec the sealed copy ───────▶│
//
// The stage is the host's own binary, so that the same holds for programs in any
// language. Its private tmpfs is where the program's socket goes: it is mounted
// nowhere but in the program's namespace and goes away with it, whatever happens to
// the host.
package sandbox

import (
	"os"
)

// Directories of the program's view.
const (
	RuntimeDir = "/run/penstock" // its own tmpfs: the only place where it can write
	scriptDir  = "/plugin"       // the sealed copy of a script, for its interpreter
)

// Limits that no program needs to reach.
const (
	memoryLimit  = 512 << 20 // bytes of private writable memory, RLIMIT_DATA
	softMemory   = 256 << 20 // bytes at which Go collects harder, GOMEMLIMIT
	runtimeSize  = 1 << 20   // bytes of RuntimeDir
	runtimeFiles = 64        // inodes of RuntimeDir
	fileLimit    = 256       // open files
	threadLimit  = 128       // threads and processes
)

// Program is what to run.
type Program struct {
	Name string // for people, and argv[0]
	// Image returns the sealed copy of the program or script, see Seal. It may take
	// its time: the stage starts meanwhile.
	Image func() (*os.File, error)
	Args  []string // without argv[0]
	Env   []string // all of the environment, beside what Start adds
	// Socket becomes the program's descriptor 3. Start sends nothing over it.
	Socket *os.File
	Stdout *os.File
	Stderr *os.File
}

// plan is the host's one message to the stage; the descriptors below go with it.
type plan struct {
	Name        string
	Args        []string // argv of the program
	Env         []string
	Script      string // path of the program's copy in its view; "" for a binary
	Interpreter string // of a script
	System      bool   // the view holds the system's programs and libraries
	UID         int    // 0: keep the uid, inside a user namespace
}

// Descriptors of the stage. Until the plan is there it has hostFD alone.
const (
	socketFD = 3 // the program's own, see Program
	imageFD  = 4
	hostFD   = 5 // SEQPACKET: the plan comes, a report goes
)

// handed are the numbers that the stage gives to the descriptors of the plan's
// message, in their order: standard output and error, socket, image.
var handed = []int{1, 2, socketFD, imageFD}

// report is the stage's one message to the host; the descriptor of RuntimeDir goes with it.
type report struct {
	Warnings []string
}
