package flow

import "testing"

// Connections that are written down as they must look in Zeek's conn.log: one and more
// for each conn_state and each letter of the history, after the definitions in Zeek's
// documentation of base/protocols/conn (Conn::Info).
func TestConnStateAndHistory(t *testing.T) {
	const (
		handshake = "0s c S 0 0 0\n1ms s SA 0 1 0\n1ms c A 1 1 0\n"
		request   = "1ms c PA 1 1 100\n1ms s A 1 101 0\n"
		answer    = "1ms s PA 1 101 200\n1ms c A 101 201 0\n"
	)
	seen := map[ConnState]bool{}
	letters := map[rune]bool{}
	for _, c := range []struct {
		name, text string
		state      ConnState
		history    string
	}{
		{"S0: a SYN, no answer", "0s c S 0 0 0", ConnS0, "S"},
		{"S0: the SYN is sent again and again", "0s c S 0 0 0\n1s c S 0 0 0\n2s c S 0 0 0", ConnS0, "S"},
		{"S1: established, not ended", handshake, ConnS1, "ShA"},
		{"S1: data both ways", handshake + request + answer, ConnS1, "ShADad"},
		{"S1: the SYN-ACK is sent again", "0s c S 0 0 0\n1ms s SA 0 1 0\n1s s SA 0 1 0\n1ms c A 1 1 0", ConnS1, "ShA"},
		{"S1: SYN and SYN-ACK are sent again", "0s c S 0 0 0\n1s c S 0 0 0\n1ms s SA 0 1 0\n1ms s SA 0 1 0\n1ms c A 1 1 0", ConnS1, "ShA"},
		{"S1: the SYN comes after its answer", "0s s SA 0 1 0\n1ms c S 0 0 0\n1ms c A 1 1 0", ConnS1, "^hSA"},
		{"S1: the last segment of the handshake is missing", "0s c S 0 0 0\n1ms s SA 0 1 0", ConnS1, "Sh"},
		{"SF: the client ends first", handshake + request + answer + "1ms c FA 101 201 0\n1ms s FA 201 102 0\n1ms c A 102 202 0", ConnSF, "ShADadFf"},
		{"SF: the server ends first", handshake + "1ms s FA 1 1 0\n1ms c FA 1 2 0\n1ms s A 2 2 0", ConnSF, "ShAfFa"},
		{"SF: the FIN is sent again", handshake + "1ms c FA 1 1 0\n1s c FA 1 1 0\n1ms s FA 1 2 0\n1ms c A 2 2 0", ConnSF, "ShAFf"},
		{"SF: reset after both ended", handshake + "1ms c FA 1 1 0\n1ms s FA 1 2 0\n1ms c R 2 0 0", ConnSF, "ShAFfR"},
		{"REJ: a SYN, answered by RST", "0s c S 0 0 0\n1ms s RA 0 1 0", ConnREJ, "Sr"},
		{"REJ: each SYN is refused", "0s c S 0 0 0\n1ms s RA 0 1 0\n1s c S 0 0 0\n1ms s RA 0 1 0", ConnREJ, "Sr"},
		{"S2: the client ended, the server did not", handshake + request + "1ms c FA 101 1 0\n1ms s A 1 102 0", ConnS2, "ShADaF"},
		{"S3: the server ended, the client did not", handshake + request + answer + "1ms s FA 201 101 0\n1ms c A 101 202 0", ConnS3, "ShADadf"},
		{"RSTO: established, reset by the client", handshake + request + "1ms c R 101 0 0", ConnRSTO, "ShADaR"},
		{"RSTO: the client resets instead of completing the handshake", "0s c S 0 0 0\n1ms s SA 0 1 0\n1ms c R 1 0 0", ConnRSTO, "ShR"},
		{"RSTR: established, reset by the server", handshake + request + "1ms s R 1 0 0", ConnRSTR, "ShADar"},
		{"RSTR: the client ended, the server resets", handshake + request + "1ms c FA 101 1 0\n1ms s R 1 0 0", ConnRSTR, "ShADaFr"},
		{"RSTOS0: SYN, then RST of the client; no SYN-ACK", "0s c S 0 0 0\n1ms c R 1 0 0", ConnRSTOS0, "SR"},
		{"RSTOS0: with data in between", "0s c S 0 0 0\n1ms c P 1 0 100\n1ms c R 101 0 0", ConnRSTOS0, "SDR"},
		{"OTH: a RST of the client from the middle", "0s c PA 1 1 10\n1ms s A 1 11 0\n1ms c R 11 0 0", ConnOTH, "DaR"},
		{"OTH: a RST of the client alone", "0s c R 11 0 0", ConnOTH, "R"},
		{"RSTRH: SYN-ACK, then RST of the server; no SYN", "0s s SA 0 1 0\n1ms s R 1 0 0", ConnRSTRH, "^hr"},
		{"SH: SYN, then FIN of the client; no SYN-ACK", "0s c S 0 0 0\n1ms c FA 1 1 0", ConnSH, "SF"},
		{"SHR: SYN-ACK, then FIN of the server; no SYN", "0s s SA 0 1 0\n1ms s FA 1 1 0", ConnSHR, "^hf"},
		{"OTH: from the middle", "0s c A 1 1 100\n1ms s A 1 101 0", ConnOTH, "Da"},
		{"OTH: from the middle, the server first", "0s s A 1 1 100\n1ms c A 1 101 0", ConnOTH, "^dA"},
		{"SF: from the middle, ended by both", "0s c PA 1 1 10\n1ms c FA 11 1 0\n1ms s FA 1 12 0", ConnSF, "DFf"},
		{"SH: from the middle, only the client ended", "0s c PA 1 1 10\n1ms s A 1 11 0\n1ms c FA 11 1 0", ConnSH, "DaF"},

		{"T: the client repeats data", handshake + "1ms c PA 1 1 100\n300ms c PA 1 1 100\n1ms s A 1 101 0", ConnS1, "ShADTa"},
		{"t: the server repeats data", handshake + "1ms s PA 1 1 100\n300ms s PA 1 1 100\n1ms c A 1 101 0", ConnS1, "ShAdt"},
		{"G: a segment of the client is missing", handshake + "1ms c PA 101 1 100", ConnS1, "ShAGD"},
		{"g: a segment of the server is missing", handshake + "1ms s PA 101 1 100", ConnS1, "ShAgd"},
		{"W: the client closes its window", handshake + "1ms s PA 1 1 100\n1ms c A 1 101 0 win=0", ConnS1, "ShAdW"},
		{"w: the server closes its window", handshake + "1ms c PA 1 1 100\n1ms s A 1 101 0 win=0", ConnS1, "ShADwa"},
		{"Q: SYN with FIN", "0s c SF 0 0 0", ConnSH, "Q"},
		{"Q: SYN with RST", "0s c SR 0 0 0", ConnOTH, "Q"},
		{"q: the server sends SYN with RST", "0s c S 0 0 0\n1ms s SRA 0 1 0", ConnREJ, "Sq"},
		{"I: FIN with RST", handshake + "1ms c FRA 1 1 0", ConnRSTO, "ShAI"},
		{"i: the server sends FIN with RST", handshake + "1ms s FRA 1 1 0", ConnRSTR, "ShAi"},
		{"H: both sides answer", "0s c S 0 0 0\n1ms s S 0 0 0\n1ms c SA 0 1 0\n1ms s SA 0 1 0", ConnS1, "SsHh"},
		{"a, d, f, r of the server, A, D, F, R of the client", handshake + request + answer + "1ms s FA 201 101 0\n1ms c FA 101 202 0\n1ms s R 202 0 0\n1ms c R 102 0 0", ConnSF, "ShADadfFrR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sc, err := parseScene(c.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []Flow
			table := NewTable(Options{Ended: func(f *Flow) { got = append(got, *f) }})
			sc.apply(table)
			table.Drain()
			if len(got) != 1 {
				t.Fatalf("%d flows", len(got))
			}
			if f := &got[0]; f.State != c.state || f.History.String() != c.history {
				t.Errorf("%v %q, want %v %q", f.State, f.History, c.state, c.history)
			}
			if got[0].Tuple.DstPort != 80 {
				t.Errorf("client and server are swapped: %v", got[0].Tuple)
			}
		})
		seen[c.state] = true
		for _, l := range c.history {
			letters[l] = true
		}
	}
	for s := range ConnState(len(connStateNames)) {
		if !seen[s] {
			t.Errorf("no connection for %v", s)
		}
	}
	for _, l := range "^sShHaAdDfFrRtTgGwWqQiI" {
		if !letters[l] {
			t.Errorf("no connection for the letter %c", l)
		}
	}
}
