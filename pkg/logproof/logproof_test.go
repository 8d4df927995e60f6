package logproof_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/logproof"
	"github.com/naru-relay/naru/pkg/logproof/logprooftest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const platform, number = "naru-01-test", "20260302_NARU000001_0000000000001"

var at = time.Date(2026, 3, 2, 1, 0, 0, 123456000, time.UTC)

// relay is the log of one unit and its witness.
type relay struct{ log, witness logprooftest.Key }

func newRelay(t testing.TB) relay {
	t.Helper()
	var r relay
	var err error
	r.log, err = logprooftest.NewKey(platform, "delivery")
	require.NoError(t, err)
	r.witness, err = logprooftest.NewKey(platform, "status")
	require.NoError(t, err)
	return r
}

func (r relay) trusted() logproof.Logs {
	return logproof.Logs{journal.OwnerOf(platform, "delivery"): r.log.Trusted(r.witness)}
}

// proof of two facts of the unit.
func (r relay) proof(t testing.TB, signers ...note.Signer) *platformv1.LogProof {
	t.Helper()
	facts := []logprooftest.Fact{
		{Unit: "delivery", Subject: number, Ordinal: 1, At: at, RecordedAt: at.Add(time.Millisecond), Message: &deliveryv1.DocumentReceived{}},
		{Unit: "delivery", Subject: number, Ordinal: 1, At: at.Add(time.Second), RecordedAt: at.Add(2 * time.Second), Message: &deliveryv1.NoticeGiven{EdocNum: number}},
	}
	if signers == nil {
		signers = []note.Signer{r.log.Signer, r.witness.Cosigner}
	}
	p, err := logprooftest.Prove(platform, "delivery", facts, signers...)
	require.NoError(t, err)
	return p
}

func decoded(t testing.TB, p *platformv1.LogProof) *logproof.File {
	t.Helper()
	encoded, err := logproof.Encode(p)
	require.NoError(t, err)
	f, err := logproof.Decode(encoded)
	require.NoError(t, err)
	return f
}

// A proof gives its facts to whoever knows the keys, with the times and kinds that the log holds.
func TestProvedFacts(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	f := decoded(t, r.proof(t))
	require.Equal(t, journal.OwnerOf(platform, "delivery"), f.Owner())
	facts, err := f.Verify(r.trusted())
	require.NoError(t, err)
	require.Len(t, facts, 2)
	require.Equal(t, frame.KindOf(&deliveryv1.DocumentReceived{}), facts[0].Kind)
	require.Equal(t, frame.KindOf(&deliveryv1.NoticeGiven{}), facts[1].Kind)
	require.Equal(t, at.Add(2*time.Second), facts[1].RecordedAt)
	require.Equal(t, at.Add(time.Second), facts[1].Event.GetOccurredAt().AsTime())
	require.Equal(t, number, facts[0].Event.GetSubject())
}

// What does not lead from the fact to a checkpoint of a trusted log that a witness saw proves nothing.
func TestProofsThatDoNotHold(t *testing.T) {
	t.Parallel()
	r, other := newRelay(t), newRelay(t)
	for name, c := range map[string]struct {
		proof *platformv1.LogProof
		bend  func(*platformv1.LogProof)
		err   error
	}{
		"an event changed":         {bend: func(p *platformv1.LogProof) { p.Facts[0].Event = append(p.Facts[0].GetEvent(), 0x18, 2) }, err: logproof.ErrPath},
		"another place in a frame": {bend: func(p *platformv1.LogProof) { p.Facts[0].Index = 0 }, err: logproof.ErrPath},
		"a header changed":         {bend: func(p *platformv1.LogProof) { p.Facts[0].GetFrame()[60] ^= 1 }, err: logproof.ErrPath},
		"another leaf":             {bend: func(p *platformv1.LogProof) { p.Facts[1].Leaf++ }, err: logproof.ErrPath},
		"a path cut off":           {bend: func(p *platformv1.LogProof) { p.Facts[1].LogPath = p.Facts[1].GetLogPath()[1:] }, err: logproof.ErrPath},
		"a path of another":        {bend: func(p *platformv1.LogProof) { p.Facts[0].LogPath = p.Facts[1].GetLogPath() }, err: logproof.ErrPath},
		"a unit of another":        {bend: func(p *platformv1.LogProof) { p.Unit = "viewing" }, err: logproof.ErrCheckpoint},
		"a checkpoint changed":     {bend: func(p *platformv1.LogProof) { p.Checkpoint = "x" + p.GetCheckpoint() }, err: logproof.ErrUnknown},
		"another size": {bend: func(p *platformv1.LogProof) {
			p.Checkpoint = string(bytes.Replace([]byte(p.GetCheckpoint()), []byte("\n4\n"), []byte("\n5\n"), 1))
		}, err: logproof.ErrCheckpoint},
		"no witness":              {proof: r.proof(t, r.log.Signer), err: logproof.ErrCheckpoint},
		"no log":                  {proof: r.proof(t, r.witness.Cosigner), err: logproof.ErrCheckpoint},
		"its own witness":         {proof: r.proof(t, r.log.Signer, r.log.Cosigner), err: logproof.ErrCheckpoint},
		"somebody else's key":     {proof: r.proof(t, other.log.Signer, r.witness.Cosigner), err: logproof.ErrCheckpoint},
		"somebody else's witness": {proof: r.proof(t, r.log.Signer, other.witness.Cosigner), err: logproof.ErrCheckpoint},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := c.proof
			if p == nil {
				p = r.proof(t)
			}
			if c.bend != nil {
				c.bend(p)
			}
			facts, err := decoded(t, p).Verify(r.trusted())
			require.ErrorIs(t, err, c.err)
			require.Empty(t, facts)
		})
	}
}

// Witnesses outside of the relay count once each, and as many have to be there as are required. What they sign is beside the
// checkpoint, or in it.
func TestOutsideWitnesses(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	one, err := logprooftest.NewKey("witness.example", "one")
	require.NoError(t, err)
	two, err := logprooftest.NewKey("witness.example", "two")
	require.NoError(t, err)
	cosigned := func(by ...note.Signer) *platformv1.LogProof {
		p := r.proof(t)
		text, _, _ := strings.Cut(p.GetCheckpoint(), "\n\n")
		for _, signer := range by {
			signed, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
			require.NoError(t, err)
			_, line, _ := strings.Cut(string(signed), "\n\n")
			p.Cosignatures += line
		}
		return p
	}
	verify := func(p *platformv1.LogProof, required int) error {
		keys := r.log.Trusted(r.witness)
		keys.Outside, keys.Required = []string{one.PublicCosigner, two.PublicCosigner}, required
		_, err := decoded(t, p).Verify(logproof.Logs{journal.OwnerOf(platform, "delivery"): keys})
		return err
	}
	require.NoError(t, verify(cosigned(), 0))
	require.ErrorIs(t, verify(cosigned(), 1), logproof.ErrOutside)
	require.NoError(t, verify(cosigned(one.Cosigner), 1))
	require.ErrorIs(t, verify(cosigned(one.Cosigner), 2), logproof.ErrOutside)
	require.ErrorIs(t, verify(cosigned(one.Cosigner, one.Cosigner), 2), logproof.ErrOutside, "one is not two")
	require.NoError(t, verify(cosigned(one.Cosigner, two.Cosigner), 2))
	require.ErrorIs(t, verify(cosigned(newRelay(t).witness.Cosigner), 1), logproof.ErrOutside)
	p := cosigned(one.Cosigner)
	p.Cosignatures += "no signature\n"
	_, err = logproof.Encode(p)
	require.Error(t, err)
}

// Proofs that hold one by one do not hold together if they show two histories of one log.
func TestForked(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	facts := func(message proto.Message, more ...proto.Message) []logproof.Proved {
		var stated []logprooftest.Fact
		for _, m := range append([]proto.Message{message}, more...) {
			stated = append(stated, logprooftest.Fact{Unit: "delivery", Subject: number, Ordinal: 1, At: at, RecordedAt: at, Message: m})
		}
		p, err := logprooftest.Prove(platform, "delivery", stated, r.log.Signer, r.witness.Cosigner)
		require.NoError(t, err)
		proved, err := decoded(t, p).Verify(r.trusted())
		require.NoError(t, err)
		return proved
	}
	one, another := facts(&deliveryv1.NoticeGiven{EdocNum: number}), facts(&deliveryv1.NoticeGiven{EdocNum: "another"})
	require.NoError(t, logproof.Forked(nil))
	require.NoError(t, logproof.Forked(append(one, one...)), "the same proof twice")
	require.ErrorIs(t, logproof.Forked(append(one, another...)), logproof.ErrFork, "two roots of one size")
	longer := facts(&deliveryv1.NoticeGiven{EdocNum: "another"}, &deliveryv1.NoticeGiven{EdocNum: number})
	require.ErrorIs(t, logproof.Forked(append(one, longer[:1]...)), logproof.ErrFork, "two frames of one number")
	require.NoError(t, logproof.Forked(append(one, longer[1:]...)), "nothing of the two is about the same")
	another[0].Place.Log = "naru/other-01-test/delivery/1"
	require.NoError(t, logproof.Forked(append(one, another...)), "two logs")
}

// Facts stand in the order of the log, each once, and within the bounds of a file.
func TestFormOfAProof(t *testing.T) {
	t.Parallel()
	r := newRelay(t)
	for name, bend := range map[string]func(*platformv1.LogProof){
		"no facts":         func(p *platformv1.LogProof) { p.Facts = nil },
		"no checkpoint":    func(p *platformv1.LogProof) { p.Checkpoint = "" },
		"no unit":          func(p *platformv1.LogProof) { p.Unit = "" },
		"a fact twice":     func(p *platformv1.LogProof) { p.Facts[1] = p.GetFacts()[0] },
		"another order":    func(p *platformv1.LogProof) { p.Facts[0], p.Facts[1] = p.Facts[1], p.Facts[0] },
		"a hash too short": func(p *platformv1.LogProof) { p.Facts[0].LogPath[0] = p.Facts[0].GetLogPath()[0][1:] },
		"a negative leaf":  func(p *platformv1.LogProof) { p.Facts[0].Leaf = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := r.proof(t)
			bend(p)
			_, err := logproof.Encode(p)
			require.Error(t, err)
		})
	}
}

// Any bytes give a file with the same bytes, or an error; nothing of it verifies under keys that did not sign it.
func FuzzDecode(f *testing.F) {
	r, other := newRelay(f), newRelay(f)
	encoded, err := logproof.Encode(r.proof(f))
	require.NoError(f, err)
	f.Add(encoded)
	f.Add([]byte(`{"format":"naru-journal-proof/1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := logproof.Decode(b)
		if err != nil {
			return
		}
		_, err = file.Verify(other.trusted())
		require.Error(t, err)
	})
}
