package mirror

import (
	"time"

	"github.com/naru-relay/naru/pkg/journal"
)

// maxCheckpointBytes bounds a checkpoint: five hundred would do.
const maxCheckpointBytes = 16 << 10

// signed is a checkpoint that the log and a witness signed.
type signed struct {
	journal.Checkpoint
	// at is the latest time that a witness states.
	at time.Time
}

// open reads a checkpoint. One that does not hold is told as a violation.
func (u *update) open(content []byte) (signed, *journal.Violation) {
	wrong := func(code, detail string) (signed, *journal.Violation) {
		return signed{}, &journal.Violation{Unit: u.Unit, Code: code, Subject: "checkpoint", Detail: detail}
	}
	if len(content) > maxCheckpointBytes {
		return wrong(journal.CheckpointChanged, "it is too long")
	}
	c, err := journal.ParseCheckpoint(string(content), u.log)
	if err != nil || c.Owner() != u.log.Name() {
		return wrong(journal.CheckpointChanged, "it is not what the log's key signed")
	}
	given, err := journal.Cosignatures(string(content), u.witnesses...)
	if err != nil {
		return wrong(journal.CosignatureWrong, "no witness whose key is known has cosigned it")
	}
	s := signed{Checkpoint: c}
	for _, one := range given {
		if one.At.After(s.at) {
			s.at = one.At
		}
	}
	return s, nil
}
