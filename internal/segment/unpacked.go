package segment

import "github.com/tarrafa/tarrafa/internal/words"

// What a compressed file may unpack to where it is kept: so much in any case, and so many
// times its size. Captures of real traffic stay below thirty times; a bomb reaches
// thousands.
const (
	unpackedLeast = 256 << 20
	unpackedTimes = 100
)

// MostUnpacked is how many bytes a compressed file of so many bytes may unpack to, unless its
// reader says otherwise.
func MostUnpacked(size int64) int64 { return max(unpackedLeast, unpackedTimes*size) }

// UnpackedError says that a compressed file holds much more than one of its size does.
type UnpackedError struct{ Most int64 } // bytes

// Error implements error.
func (e *UnpackedError) Error() string {
	return words.Sprintf("it unpacks to more than %.4g MiB, which for a file of its size is too much", float64(e.Most)/(1<<20))
}
