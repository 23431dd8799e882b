import type { Ledger, Problem } from "./api";

// What the server says over the socket as JSON (docs/api.md).

export interface Status {
  started: string;
  taken: string;
  final: boolean;
  suspended?: string; // since when no packets are taken
  capture: { interfaces: string[] | null; filter: string; archive: string };
  rate: { packets: number; bits: number };
  drop_rate: number;
  dropped: number;
  packets: number;
  bytes: number;
  ledger: Ledger | null;
  interfaces: { name: string; state: string; dropped: number }[] | null;
  sinks:
    | {
        name: string;
        target: string;
        state: string;
        rows: number;
        behind: number;
        expired: number;
        error: string;
      }[]
    | null;
  events: { time: string; level: string; text: string }[] | null;
  series?: LiveSeries;
}

export interface LiveSeries {
  start: number;
  width: number;
  points: { packets: number; bytes: number }[] | null;
}

interface Counted {
  packets: number;
  bytes: number;
}

interface Talker extends Counted {
  address: string;
  excess?: number;
}

export interface LiveStatistics extends Counted {
  first: string | null;
  last: string | null;
  protocols: Record<string, Counted>;
  ipv4: Counted;
  ipv6: Counted;
  non_ip: Counted & { ethertypes: Record<string, Counted> };
  top_sources: Talker[];
  top_destinations: Talker[];
  distinct_sources: number;
  distinct_destinations: number;
  approximate: boolean;
  outcomes: Record<string, number>;
  directions: Record<string, Counted>;
  sizes: (Counted & { from: number; to: number })[];
}

export interface Message {
  type: "view" | "status" | "statistics" | "error";
  view?: number;
  error?: Problem;
  status?: Status;
  statistics?: LiveStatistics;
}
