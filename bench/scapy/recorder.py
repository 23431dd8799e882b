#!/usr/bin/python3
"""The old recorder's loop, as its contract says: scapy's sniff hands over each packet of an
interface; a TCP or UDP packet is a row (addresses, protocol, size, time) and counts in the
statistics; rows go out in batches; Ctrl+C flushes what remains and prints the statistics.

    recorder.py INTERFACE ROWS

Rows are written to the file ROWS as tab-separated text, which costs less than the INSERT
statements of the original: what is measured here is a favour to it. The line "ready" on the
standard output says that it captures, "rows N" at the end how many there were.
"""

import logging
import signal
import sys
from collections import Counter
from datetime import datetime

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.layers.inet import IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.sendrecv import sniff  # noqa: E402

BATCH = 100


class Recorder:
    def __init__(self, out):
        self.out = out
        self.rows = []
        self.total = 0
        self.protocols = Counter()
        self.sources = Counter()
        self.destinations = Counter()

    def packet(self, p):
        ip = p.getlayer(IP) or p.getlayer(IPv6)
        if ip is None:
            return
        if p.haslayer(TCP):
            protocol = "TCP"
        elif p.haslayer(UDP):
            protocol = "UDP"
        else:
            return
        self.rows.append((ip.src, ip.dst, protocol, len(p), datetime.fromtimestamp(float(p.time))))
        self.total += 1
        self.protocols[protocol] += 1
        self.sources[ip.src] += 1
        self.destinations[ip.dst] += 1
        if len(self.rows) >= BATCH:
            self.flush()

    def flush(self):
        self.out.writelines("%s\t%s\t%s\t%d\t%s\n" % row for row in self.rows)
        self.out.flush()
        self.rows.clear()


def main():
    interface, name = sys.argv[1:]
    with open(name, "w", encoding="utf-8") as out:
        recorder = Recorder(out)
        # sniff ends at Ctrl+C, which a shell takes away from what runs in its background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sniff(iface=interface, prn=recorder.packet, store=False, started_callback=lambda: print("ready", flush=True))
        recorder.flush()
    print("protocols", dict(recorder.protocols))
    print("sources", recorder.sources.most_common(5))
    print("destinations", recorder.destinations.most_common(5))
    print("rows", recorder.total)


if __name__ == "__main__":
    main()
