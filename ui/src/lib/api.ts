// The server's JSON interface. Every path is on the page's own origin.

export interface Problem {
  error: string;
  code: string;
  position?: number;
  end?: number;
  expected?: string;
  candidates?: string[];
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.error);
  }
}

export interface Session {
  csrf: string;
  version: string;
  live: boolean;
  live_id?: string;
  can_stop: boolean;
  captures: boolean;
  analysis: boolean;
}

export interface Amount {
  packets: number;
  bytes: number;
}

export interface Ledger {
  received: number;
  dropped_by_kernel: number;
  skipped: number;
  delivered: number;
  truncated: number;
  written: number;
  written_bytes: number;
  lost: number;
  followers: { name: string; applied: number; behind: number; expired: number }[] | null;
}

export interface Capture {
  id: string;
  name: string;
  state: string;
  started: string;
  ended?: string;
  interfaces: string[] | null;
  filter: string;
  packets: number;
  bytes: number;
  ledger?: Ledger;
  live: boolean;
}

export interface Totals extends Amount {
  first: number;
  last: number;
  ipv4: Amount;
  ipv6: Amount;
  non_ip: Amount;
  protocols: Record<string, Amount>;
  outcomes: Record<string, number>;
}

export interface Top {
  field: string;
  rows: (Amount & { value: string })[];
  distinct: number;
  approximate: boolean;
}

export interface Series {
  start: number;
  bucket: number;
  points: Amount[] | null;
}

export interface TreeNode {
  name: string;
  field?: string;
  value?: string;
  offset: number;
  length: number;
  warn?: boolean;
  nodes?: TreeNode[];
}

export interface Detail {
  number: number;
  time: string;
  direction: string;
  src: string;
  dst: string;
  sport: number;
  dport: number;
  protocol: string;
  length: number;
  captured: number;
  payload_offset: number;
  payload_length: number;
  payload_hash: string;
  comments: string[];
  interface: string;
  data: string;
  tree: TreeNode[];
}

export interface Half {
  packets: number;
  bytes: number;
  payload: number;
  retransmissions: number;
}

export interface Flow {
  flow: number;
  protocol: string;
  client: string;
  client_port: number;
  server: string;
  server_port: number;
  first_packet: number;
  start: string;
  duration_ns: number;
  conn_state: string;
  history: string;
  initial_rtt_ns?: number;
  app?: string;
  name?: string;
  host?: string;
  from_client: Half;
  from_server: Half;
}

export interface Finding {
  id: number;
  kind: string;
  severity: "info" | "warning" | "serious";
  first: string;
  count: number;
  sentence: string;
  evidence: number[] | null;
}

export interface Analysis {
  packets: number;
  flow_count: number;
  forced: number;
  flows: Flow[];
  findings: Finding[];
}

export interface Stream {
  protocol: string;
  client: string;
  client_port: number;
  server: string;
  server_port: number;
  filter: string;
  packets: number;
  bytes: [number, number];
  gaps: number;
  gap_bytes: number;
  more: boolean;
  pieces: { from_client: boolean; packet: number; time: string; data?: string; gap?: number }[];
}

let csrf = "";

export function setCsrf(value: string): void {
  csrf = value;
}

export async function get<T>(
  path: string,
  params: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<T> {
  const query = new URLSearchParams(Object.entries(params).filter(([, v]) => v !== "")).toString();
  const r = await fetch(`/api/v1/${path}${query ? `?${query}` : ""}`, { signal, credentials: "same-origin" });
  if (!r.ok) throw await problem(r);
  return r.json() as Promise<T>;
}

export async function write(method: string, path: string): Promise<Response> {
  const r = await fetch(`/api/v1/${path}`, {
    method,
    credentials: "same-origin",
    headers: { "X-Tarrafa-Csrf": csrf },
  });
  if (!r.ok) throw await problem(r);
  return r;
}

async function problem(r: Response): Promise<ApiError> {
  const type = r.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/json")) return new ApiError((await r.json()) as Problem);
  return new ApiError({ error: (await r.text()).trim() || r.statusText, code: String(r.status) });
}
