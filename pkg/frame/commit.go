package frame

import (
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
)

// NewCommit makes the id of a transaction that states facts: a UUIDv7 whose last two bytes are zero. A frame of the commit has
// the same id with its place, from 1, in these two bytes. So a frame's id names the frame, gives its commit, and sorts by time.
func NewCommit() uuid.UUID {
	commit := id.New()
	binary.BigEndian.PutUint16(commit[14:], 0)
	return commit
}

// MaxPlaces is how many frames a commit can have.
const MaxPlaces = 1<<16 - 1

// IDOf is the id of the frame at a place of a commit.
func IDOf(commit uuid.UUID, place uint16) uuid.UUID {
	binary.BigEndian.PutUint16(commit[14:], place)
	return commit
}

func placeOf(frame uuid.UUID) uint16 { return binary.BigEndian.Uint16(frame[14:]) }
