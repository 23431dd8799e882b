package trafficlog

// hexBlocks writes blocks of 16 bytes as 32 digits each. blocks must not be 0. AVX.
//
//go:noescape
func hexBlocks(dst, src *byte, blocks int)

// printableBlocks tells whether all bytes of blocks of 32 are printable. blocks must not
// be 0. AVX2.
//
//go:noescape
func printableBlocks(src *byte, blocks int) bool
