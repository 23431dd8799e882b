package analysis_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// The agreement with tshark that the project promises, per frame and field.
const promised = 0.999

// promisedFields agree on so many frames over all captures together.
var promisedFields = []string{
	"tcp.stream", "udp.stream", "tcp.seq", "tcp.ack", "tcp.window_size", "tcp.window_size_scalefactor",
	"tcp.time_relative", "tcp.time_delta",
	"tcp.analysis", "tcp.analysis.flags", "tcp.analysis.initial_rtt", "tcp.analysis.ack_rtt",
	"tcp.analysis.acks_frame", "tcp.analysis.duplicate_ack_num", "tcp.analysis.duplicate_ack_frame",
	"tcp.analysis.bytes_in_flight",
	"tcp.analysis.retransmission", "tcp.analysis.fast_retransmission", "tcp.analysis.spurious_retransmission",
	"tcp.analysis.out_of_order", "tcp.analysis.lost_segment", "tcp.analysis.ack_lost_segment",
	"tcp.analysis.duplicate_ack", "tcp.analysis.zero_window", "tcp.analysis.zero_window_probe",
	"tcp.analysis.zero_window_probe_ack", "tcp.analysis.window_full", "tcp.analysis.window_update",
	"tcp.analysis.keep_alive", "tcp.analysis.keep_alive_ack", "tcp.analysis.reused_ports",
	"dns.count.answers", "dns.resp.name", "dns.resp.type",
	"dns.qry.name", "dns.qry.type", "dns.flags.response", "dns.flags.rcode", "dns.a", "dns.aaaa", "dns.cname",
	"nbns.name", "dhcp.option.hostname", "dhcp.option.vendor_class_id", "ssh.protocol",
	"tls.handshake.type", "tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str", "tls.handshake.version",
	"http.request", "http.request.method", "http.request.uri", "http.host", "http.user_agent",
	"http.response", "http.response.code", "http.content_type", "http.server",
	"http.referer", "http.location",
	"tcp.nxtseq", "tcp.completeness", "tcp.options.sack_le", "tcp.options.sack_re",
	"dns.id", "dns.flags", "dns.flags.opcode", "dns.flags.authoritative", "dns.flags.truncated", "dns.flags.recdesired",
	"dns.flags.recavail", "dns.flags.z", "dns.flags.authenticated", "dns.flags.checkdisable",
	"dns.count.queries", "dns.count.auth_rr", "dns.count.add_rr", "dns.count.labels", "dns.qry.name.len", "dns.qry.class",
	"dns.resp.class", "dns.resp.ttl", "dns.resp.len", "dns.time", "http.time", "http.request.full_uri",
}

// exact says that a field agrees on every frame of these captures.
func exact(field string) bool {
	return strings.HasPrefix(field, "http") || strings.HasPrefix(field, "tcp") || strings.HasPrefix(field, "dns")
}

func rows(out []byte) [][]string {
	var list [][]string
	for line := range strings.Lines(string(out)) {
		list = append(list, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return list
}

func TestFieldsAgreeWithTShark(t *testing.T) {
	needs(t)
	fields := append([]string{"frame.number"}, promisedFields...)
	var args []string
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	frames := 0
	present, wrong := make([]int, len(fields)), make([]int, len(fields))
	for _, file := range files {
		name := filepath.Base(file)
		theirs := rows(run(t, "tshark", append([]string{"-n", "-r", file, "-T", "fields"}, args...)...))
		ours := rows(tarrafa(t, append(append([]string{"read", "-T", "fields"}, args...), file)...))
		if len(theirs) != len(ours) {
			t.Errorf("%s: %d packets, tshark %d", name, len(ours), len(theirs))
			continue
		}
		here := make([]int, len(fields))
		for i := range theirs {
			frames++
			for f := range fields {
				a, b := ours[i][f], theirs[i][f]
				if a != "" || b != "" {
					present[f]++
				}
				if a != b {
					here[f]++
				}
			}
		}
		for f, name := range fields[1:] {
			wrong[f+1] += here[f+1]
			if here[f+1] != 0 && exact(name) {
				t.Errorf("%s: %s differs in %d frames", filepath.Base(file), name, here[f+1])
			}
		}
	}
	for f := 1; f <= len(promisedFields); f++ {
		agreement := 1 - float64(wrong[f])/float64(frames)
		t.Logf("%-40s present %6d, different %4d, agreement %.4f %%", fields[f], present[f], wrong[f], 100*agreement)
		if agreement < promised {
			t.Errorf("%s agrees on %.4f %% of %d frames", fields[f], 100*agreement, frames)
		}
	}
	if frames < 30_000 {
		t.Errorf("only %d frames", frames)
	}
}

func TestDisplayFilterOnAnalysis(t *testing.T) {
	needs(t)
	matched := 0
	for _, filter := range []string{
		"tcp.analysis.flags && !tcp.analysis.window_update && tcp.analysis.ack_rtt > 0.001 || tcp.analysis.retransmission",
		`dns.qry.name contains "google" || tls.handshake.extensions_server_name matches "\\.com$" || tcp.stream == 3`,
		"udp.stream in {1 .. 4} && !icmp || tcp.analysis.initial_rtt < 0.02 && tcp.seq > 1000",
	} {
		for _, file := range files {
			if tunnelled(file) {
				continue // tshark numbers media streams too
			}
			theirs := run(t, "tshark", "-n", "-r", file, "-Y", filter, "-T", "fields", "-e", "frame.number")
			ours := tarrafa(t, "read", "-Y", filter, "-T", "fields", "-e", "frame.number", file)
			matched += strings.Count(string(ours), "\n")
			if string(ours) != string(theirs) {
				t.Errorf("%s: %s: %d packets, tshark %d", filepath.Base(file), filter,
					strings.Count(string(ours), "\n"), strings.Count(string(theirs), "\n"))
			}
		}
	}
	if matched < 500 {
		t.Errorf("only %d packets matched", matched)
	}
}
