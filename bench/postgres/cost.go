//go:build unix

package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
)

// measure is what one way of storing rows took.
type measure struct {
	rows   int
	took   time.Duration
	server time.Duration // processor time of the server's sessions; 0: not known
	client time.Duration // processor time of who stored
}

func (m *measure) rate() float64 { return float64(m.rows) / m.took.Seconds() }

// work and effort return the processor time of a row in microseconds, the server's and the
// client's: a machine that is busy with other things changes them less than the rate.
func (m *measure) work() float64   { return micros(m.server, m.rows) }
func (m *measure) effort() float64 { return micros(m.client, m.rows) }

func micros(d time.Duration, rows int) float64 {
	return float64(d.Nanoseconds()) / 1000 / float64(rows)
}

// sessionTime returns the processor time of all sessions of a server that have ended; 0
// when it is not ours, or the system does not say.
func sessionTime(srv *pgtest.Server) time.Duration {
	if srv == nil {
		return 0
	}
	pid, err := os.ReadFile(srv.Dir + "/data/postmaster.pid")
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(pid, []byte("\n"))
	stat, err := os.ReadFile("/proc/" + string(first) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 15 {
		return 0
	}
	// proc(5): cutime and cstime, in ticks, of which Linux always tells 100 a second.
	user, err1 := strconv.ParseInt(fields[13], 10, 64)
	system, err2 := strconv.ParseInt(fields[14], 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// ownTime returns this program's processor time.
func ownTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
