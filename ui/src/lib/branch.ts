import type { DissectionNode, TreeNode } from "./api";

/** A line of the protocol tree, whoever made it. */
export interface Branch {
  key: string; // what stays open from packet to packet
  name: string;
  value?: string;
  offset: number; // in the packet's bytes
  length: number; // 0: nowhere in them
  warn?: boolean;
  nodes?: Branch[];
}

export function own(nodes: TreeNode[]): Branch[] {
  return nodes.map((n) => ({
    key: n.field ?? n.name,
    name: n.name,
    value: n.value,
    offset: n.offset,
    length: n.length,
    warn: n.warn,
    nodes: n.nodes && own(n.nodes),
  }));
}

/** The tree of sharkd. Bytes that were put together from several packets have no place here. */
export function dissected(nodes: DissectionNode[], path = ""): Branch[] {
  const out: Branch[] = [];
  for (const n of nodes) {
    if (n.hidden) continue;
    const key = n.field || `${path}/${n.name.split(":", 1)[0]}`;
    const here = !n.source;
    out.push({
      key,
      name: n.name,
      offset: here ? n.offset : 0,
      length: here ? n.length : 0,
      warn: n.severity === "warn" || n.severity === "error" || n.severity === "warning",
      nodes: n.nodes?.length ? dissected(n.nodes, key) : undefined,
    });
  }
  return out;
}
