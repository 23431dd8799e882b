package filter

import "golang.org/x/net/bpf"

// reach is the number of instructions that a conditional jump can pass over.
const reach = 255

// layout places the blocks one after the other and fills in the jumps. Where the returns at the end are too far for a
// conditional jump, there are more of them between the blocks ("islands": nothing runs into them, since every block ends
// in a comparison); a jump to a block that is too far goes through an unconditional one right behind it.
//
// Programs that use memory have their returns at the end only: the kernel's check of memory takes an instruction behind
// a return for one that follows it, and would miss what was written on the real ways there.
func (gr *graph) layout(code []bpf.RawInstruction, blocks []block, place []int32) []bpf.RawInstruction {
	l := &placer{gr: gr, code: code, blocks: blocks, place: place}
	for _, in := range code {
		l.memory = l.memory || in.Op == opLdMem || in.Op == opLdxMem
	}
	for !l.sizes() {
	}
	if l.size > MaxInstructions {
		gr.g.tooLarge()
	}
	return l.write()
}

// placer is the state of a layout.
type placer struct {
	gr     *graph
	code   []bpf.RawInstruction
	blocks []block
	place  []int32 // of a node, its block
	size   int     // of the whole program
	memory bool    // the program reads memory
}

// jump is the place of a block's comparison, and next what follows the block.
func (b *block) jump() int { return b.start + b.to - b.from - 1 }

func (b *block) next() int {
	n := b.start + b.to - b.from
	if b.longT {
		n++
	}
	if b.longF {
		n++
	}
	return n
}

// sizes gives every block its place. It is false when a jump turned out to be too far, so that places change.
func (l *placer) sizes() bool {
	pos, waiting := 0, -1 // waiting: the first comparison that still needs a return
	for i := range l.blocks {
		b := &l.blocks[i]
		n := &l.gr.n[b.node]
		b.start, b.island = pos, false
		if !l.memory && waiting >= 0 && b.next()+2-waiting > reach-8 {
			b.island = true
			b.start += 2
			waiting = -1
		}
		if waiting < 0 && (isLeaf(n.t) || isLeaf(n.f)) && n.t != n.f {
			waiting = b.jump()
		}
		pos = b.next()
	}
	l.size = pos + 2
	stable := true
	for i := range l.blocks {
		b := &l.blocks[i]
		n := &l.gr.n[b.node]
		if n.t == n.f {
			adjacent := !isLeaf(n.t) && int(l.place[n.t]) == i+1 && !l.blocks[i+1].island
			if !adjacent && !b.longT {
				b.longT, stable = true, false
			}
			continue
		}
		if !b.longT && l.at(n.t, i)-b.jump()-1 > reach {
			b.longT, stable = true, false
		}
		if !b.longF && l.at(n.f, i)-b.jump()-1 > reach {
			b.longF, stable = true, false
		}
	}
	return stable
}

// at is where block i has to go to reach a node.
func (l *placer) at(node int32, i int) int {
	if !isLeaf(node) {
		return l.blocks[l.place[node]].start
	}
	pos := l.size - 2
	for j := i + 1; j < len(l.blocks) && l.blocks[j].start-l.blocks[i].start <= 2*reach; j++ {
		if l.blocks[j].island {
			pos = l.blocks[j].start - 2
			break
		}
	}
	if node == reject {
		pos++
	}
	return pos
}

// write puts the program together.
func (l *placer) write() []bpf.RawInstruction {
	ret := [2]bpf.RawInstruction{reject: {Op: opRetK}, accept: {Op: opRetK, K: snapLen(l.gr.g.t)}}
	out := make([]bpf.RawInstruction, 0, l.size)
	far := func(to int32, i int) bpf.RawInstruction {
		if isLeaf(to) && !l.memory {
			return ret[to]
		}
		return bpf.RawInstruction{Op: opJa, K: uint32(l.at(to, i) - len(out) - 1)}
	}
	for i := range l.blocks {
		b := &l.blocks[i]
		n := &l.gr.n[b.node]
		if b.island {
			out = append(out, ret[accept], ret[reject])
		}
		out = append(out, l.code[b.from:b.to]...)
		if n.t == n.f {
			if b.longT {
				out = append(out, far(n.t, i))
			}
			continue
		}
		last := len(out) - 1
		jt, jf := l.at(n.t, i)-len(out), l.at(n.f, i)-len(out)
		if b.longT {
			jt = 0
			out = append(out, far(n.t, i))
		}
		if b.longF {
			jf = len(out) - last - 1
			out = append(out, far(n.f, i))
		}
		out[last].Jt, out[last].Jf = uint8(jt), uint8(jf)
	}
	return append(out, ret[accept], ret[reject])
}
