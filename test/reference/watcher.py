#!/usr/bin/python3
"""The traffic record as the old watcher wrote it: the reference for --json.

    watcher.py [--local ADDR[,ADDR...]] [--udp] [--time] [--count N] CAPTURE RECORD

For each TCP packet of CAPTURE a JSON object is appended to RECORD, in the way the old
program did it: scapy hands over each packet, json.dumps makes the line, write appends it.
The fields follow the contract:

- the outermost IP header counts, and TCP directly above it: nothing inside a tunnel;
- the payload is what the IP header's length says, as far as it was captured: no padding
  of short Ethernet frames;
- direction: ENVIADO when the source is one of the --local addresses, else RECEBIDO;
- the time is the capture's, in the local zone.
"""

import argparse
import hashlib
import itertools
import json
import logging
import string
import sys
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.config import conf  # noqa: E402
from scapy.layers.inet import IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import Loopback  # noqa: E402
from scapy.packet import NoPayload, bind_layers  # noqa: E402
from scapy.utils import PcapReader  # noqa: E402
import scapy.layers.all  # noqa: E402,F401

# The BSDs' and macOS' numbers for IPv6 on the loopback interface.
for family in (24, 28, 30):
    bind_layers(Loopback, IPv6, type=family)

PRINTABLE = set(string.printable.encode())
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def outermost(packet, wanted):
    """The outermost IP header and the transport header directly above it, or nothing."""
    layer = packet
    while not isinstance(layer, (IP, IPv6)):
        if isinstance(layer, NoPayload) or layer is None:
            return None, None
        layer = layer.payload
    ip = layer
    layer = layer.payload
    while type(layer).__name__.startswith("IPv6ExtHdr") or type(layer).__name__ == "AH":
        layer = layer.payload
    if type(layer) in wanted:
        return ip, layer
    return None, None


def payload_of(transport):
    """The bytes above the transport header, as they were captured.

    scapy has cut off what is behind the IP packet before it looked at the transport
    header. What it has made of the payload is left aside: some of its dissectors do not
    give back the bytes that they took.
    """
    if isinstance(transport, TCP):
        return transport.original[transport.dataofs * 4 :]
    if transport.len is not None and transport.len >= 8:
        return transport.original[8 : transport.len]
    return transport.original[8:]


def record(packet, ip, transport, local):
    payload = payload_of(transport)
    ns = int(Decimal(packet.time) * 10**9)
    when = (EPOCH + timedelta(microseconds=ns // 1000)).astimezone()
    printable = len(payload) > 0 and all(b in PRINTABLE for b in payload)
    is_tcp = isinstance(transport, TCP)
    return {
        "timestamp": when.isoformat(timespec="microseconds"),
        "direction": "ENVIADO" if ip.src in local else "RECEBIDO",
        "src": ip.src,
        "dst": ip.dst,
        "sport": transport.sport,
        "dport": transport.dport,
        "protocol": "TCP" if is_tcp else "UDP",
        "flags": int(transport.flags) if is_tcp else 0,
        "len": len(payload),
        "payload_hex": payload.hex(),
        "payload_ascii_preview": payload.decode("ascii")[:50] if printable else "",
        "payload_hash": hashlib.md5(payload).hexdigest() if payload else "",
    }


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--local", default="")
    args.add_argument("--udp", action="store_true")
    args.add_argument("--time", action="store_true", help="print records and seconds, without the time to start")
    args.add_argument("--count", type=int, default=0, help="stop after so many packets")
    args.add_argument("capture")
    args.add_argument("record")
    args = args.parse_args()
    local = set(args.local.split(",")) - {""}
    wanted = (TCP, UDP) if args.udp else (TCP,)
    conf.verb = 0
    start, records = time.perf_counter(), 0
    with PcapReader(args.capture) as packets, open(args.record, "a", encoding="utf-8") as out:
        for packet in itertools.islice(packets, args.count or None):
            ip, transport = outermost(packet, wanted)
            if transport is not None:
                out.write(json.dumps(record(packet, ip, transport, local)) + "\n")
                out.flush()
                records += 1
    if args.time:
        print(records, time.perf_counter() - start)


if __name__ == "__main__":
    sys.exit(main())
