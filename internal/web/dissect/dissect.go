// Package dissect lets sharkd, Wireshark's dissection without its window, explain a packet.
//
// sharkd is a large program in C that looks at foreign bytes. It runs as the child of a
// helper: a second process of this program that is started before anything foreign is read,
// gives up its privileges at once, and talks with the first one through two pipes. The
// helper starts sharkd when it is asked something, limits its memory and its time, and ends
// it when it fails or has nothing to do. Whatever comes back is foreign, too.
package dissect

import (
	"time"
)

// Limits of a dissection.
const (
	MaxFile   = 4 << 20  // bytes of the capture file that is handed over
	maxAnswer = 16 << 20 // bytes of a line of sharkd's
	maxResult = 16 << 20 // bytes of the helper's answer
	MaxNodes  = 20_000   // of a tree
	maxDepth  = 64
	maxText   = 4096 // bytes of a node's text

	startTime = 15 * time.Second // for sharkd to come up, and to answer for the first time
	replyTime = 5 * time.Second  // for each further answer
	wholeTime = 30 * time.Second // after which the helper itself is given up
	idleTime  = time.Minute      // after which sharkd is ended

	memoryLimit = 1 << 30 // bytes of sharkd's address space (RLIMIT_AS); it starts with a third
	cpuLimit    = 60      // seconds of one sharkd's life (RLIMIT_CPU)
	fileLimit   = 0       // bytes that it may write to a file (RLIMIT_FSIZE)
)

// Programs is where sharkd, its libraries and its data are. Its helper needs no other files
// than these and those that every confined process reads.
var Programs = []string{"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/ld.so.preload"}

// Node is a line of sharkd's tree. All text is foreign, without control characters.
type Node struct {
	Name      string `json:"name"`
	Field     string `json:"field,omitempty"` // a display filter that holds the packet
	Offset    uint32 `json:"offset"`
	Length    uint32 `json:"length"`
	Source    uint32 `json:"source,omitempty"` // 0: the packet's bytes; others were put together
	Severity  string `json:"severity,omitempty"`
	Hidden    bool   `json:"hidden,omitempty"`
	Generated bool   `json:"generated,omitempty"`
	Nodes     []Node `json:"nodes,omitempty"`
}

// Result is what sharkd says about a packet.
type Result struct {
	Program  string `json:"program"` // sharkd and its version
	Protocol string `json:"protocol"`
	Info     string `json:"info"`
	Tree     []Node `json:"tree"`
	More     bool   `json:"more"` // the tree was longer
}

// Error says why there is no result. It is not the packet's fault alone: the next one may
// succeed.
type Error struct{ What string }

// Error implements error.
func (e *Error) Error() string { return "sharkd: " + e.What }

// answer is what the helper sends.
type answer struct {
	Error  string  `json:"error,omitempty"`
	Result *Result `json:"result,omitempty"`
}
