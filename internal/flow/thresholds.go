package flow

import "time"

// Thresholds say from where on a detector speaks. [DefaultThresholds] has the documented
// values; start from a copy of it.
type Thresholds struct {
	// FindRetransmissions: so many repeated segments of one side and at least this share
	// of its packets. The second share makes it serious.
	Retransmissions       uint32
	RetransmissionShare   float64
	RetransmissionSerious float64

	// FindLoss: so many times that a segment was missing.
	LostSegments uint32

	// FindStall: a window closed for so long; the second is serious.
	Stall        time.Duration
	StallSerious time.Duration

	// FindRefused, FindHalfOpen, FindSilent: so many connections to one service.
	Refused  uint64
	HalfOpen uint64
	Silent   uint64

	// FindPortScan and FindSweep: so many different ports, or hosts, that one host tries
	// within ScanWindow, and at most this share of the attempts become connections.
	ScanTargets  int
	ScanAnswered float64
	ScanWindow   time.Duration

	// FindFlood: so many SYNs to one service within FloodWindow, and at most this share of
	// them completed.
	FloodSYNs      uint64
	FloodCompleted float64
	FloodWindow    time.Duration

	// FindRTTJump: after RTTSamples samples, RTTRun samples in a row that are longer than
	// RTTFactor times the mean and longer than it by RTTRise.
	RTTSamples uint32
	RTTRun     uint8
	RTTFactor  float64
	RTTRise    time.Duration

	// FindHeartbeat: the same payload of at most HeartbeatBytes bytes, HeartbeatRepeats
	// times. With intervals that vary by less than Regular it is a heartbeat; without
	// regularity it needs DuplicateRepeats.
	HeartbeatBytes   uint32
	HeartbeatRepeats uint32
	DuplicateRepeats uint32

	// FindBeacon: so many connections from one client to one service, at intervals of at
	// least BeaconInterval. With three times as many, twice Regular is regular enough.
	BeaconConnections uint32
	BeaconInterval    time.Duration

	// Regular is the largest standard deviation of intervals, relative to their mean, that
	// counts as regular.
	Regular float64

	// FindOutOfState: so many misfits from one host.
	OutOfState uint64

	// FindDNSTunnel: so many different names under one domain within DNSWindow, with a
	// label of at least DNSLength characters before the domain, or two and a half times as
	// many in all, and with at least DNSEntropy bits a character on average.
	DNSNames   int
	DNSLength  float64
	DNSEntropy float64
	DNSWindow  time.Duration
}

// DefaultThresholds returns the thresholds that docs/flows.md gives reasons for.
func DefaultThresholds() Thresholds {
	return Thresholds{
		Retransmissions: 10, RetransmissionShare: 0.03, RetransmissionSerious: 0.15,
		LostSegments: 5,
		Stall:        200 * time.Millisecond, StallSerious: 5 * time.Second,
		Refused: 3, HalfOpen: 5, Silent: 5,
		ScanTargets: 25, ScanAnswered: 0.3, ScanWindow: 5 * time.Minute,
		FloodSYNs: 200, FloodCompleted: 0.1, FloodWindow: 10 * time.Second,
		RTTSamples: 20, RTTRun: 3, RTTFactor: 4, RTTRise: 100 * time.Millisecond,
		HeartbeatBytes: 256, HeartbeatRepeats: 6, DuplicateRepeats: 20,
		BeaconConnections: 8, BeaconInterval: 5 * time.Second,
		Regular:    0.1,
		OutOfState: 3,
		DNSNames:   50, DNSLength: 20, DNSEntropy: 3.2, DNSWindow: 10 * time.Minute,
	}
}
