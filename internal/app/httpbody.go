package app

// bodyMode says how the end of a message's body is found, RFC 9112 section 6.3.
type bodyMode uint8

const (
	bodyLength   bodyMode = iota // left bytes more
	bodyChunked                  // by its chunks
	bodyUntilEnd                 // when the sender ends the connection
)

// chunkState is where in a chunked body the next byte stands, RFC 9112 section 7.1.
type chunkState uint8

const (
	chunkSize     chunkState = iota // digits, none of them read
	chunkDigits                     // digits
	chunkRest                       // of the line with the size: extensions
	chunkData                       // left bytes
	chunkEnd                        // the line end behind them
	chunkTrailer                    // the start of a line behind the last chunk
	chunkTrailing                   // in such a line
	chunkBad                        // that was no chunk
)

// httpBody is what is still to come of a message's body. The zero value is no body.
type httpBody struct {
	left  int64 // bytes: of the body, or of the chunk
	mode  bodyMode
	chunk chunkState
	bare  bool // of a message without one: it ends where the bytes do
}

// bad says that the body was not what its head said.
func (y *httpBody) bad() bool { return y.chunk == chunkBad }

// walk goes past the bytes of the body that b starts with, and says whether they are the
// last ones.
func (y *httpBody) walk(b []byte) (used int, ended bool) {
	switch y.mode {
	case bodyLength:
		used = int(min(y.left, int64(len(b))))
		y.left -= int64(used)
		return used, y.left == 0 || y.bare
	case bodyChunked:
		return y.chunks(b)
	default:
		return len(b), false
	}
}

// skip goes past n bytes of a body that has no chunks, and says whether they are the last ones.
func (y *httpBody) skip(n int64) (ended bool) {
	if y.mode == bodyUntilEnd {
		return false
	}
	y.left -= min(n, y.left)
	return y.left == 0
}

// maxChunk bounds the size of a chunk: that of 2^55 bytes is none.
const maxChunk = 1 << 55

func (y *httpBody) chunks(b []byte) (used int, ended bool) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch y.chunk {
		case chunkSize, chunkDigits:
			digit, ok := hexDigit(c)
			switch {
			case ok && y.left < maxChunk:
				y.left, y.chunk = y.left<<4|int64(digit), chunkDigits
			case ok || y.chunk == chunkSize:
				y.chunk = chunkBad
				return i, false
			case c == '\n':
				y.sized()
			default:
				y.chunk = chunkRest
			}
		case chunkRest:
			if c == '\n' {
				y.sized()
			}
		case chunkData:
			n := min(y.left, int64(len(b)-i))
			y.left -= n
			i += int(n) - 1
			if y.left == 0 {
				y.chunk = chunkEnd
			}
		case chunkEnd:
			if c == '\n' {
				y.chunk = chunkSize
			} else if c != '\r' {
				y.chunk = chunkBad
				return i, false
			}
		case chunkTrailer:
			if c == '\n' {
				return i + 1, true
			} else if c != '\r' {
				y.chunk = chunkTrailing
			}
		case chunkTrailing:
			if c == '\n' {
				y.chunk = chunkTrailer
			}
		default:
			return i, false
		}
	}
	return len(b), false
}

// sized ends the line with the size of a chunk.
func (y *httpBody) sized() {
	y.chunk = chunkData
	if y.left == 0 {
		y.chunk = chunkTrailer
	}
}

func hexDigit(c byte) (digit byte, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
