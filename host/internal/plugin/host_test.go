package plugin

import (
	"os"
	"os/exec"
	"testing"
)

// envHost makes the test binary a host that starts a plugin and waits.
const envHost = "PENSTOCK_TEST_HOST"

func beHost() {
	os.Exit(1)
}

var _ = exec.Command
var _ *testing.T
