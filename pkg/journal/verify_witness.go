package journal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/naru-relay/naru/pkg/pg"
)

// cosigned checks the cosignatures of a checkpoint: the first one has to be of a witness that was given, a later one of a witness
// that was not is told as not checked.
func (v *verification) cosigned(c Checkpoint) {
	if c.Cosigned == "" || len(v.witnesses) == 0 {
		return
	}
	first, err := Cosignatures(c.Cosigned, v.witnesses...)
	if err != nil || unsignedText(c.Cosigned) != unsignedText(c.Note) {
		v.found(CosignatureWrong, fmt.Sprint("size ", c.N), "its cosignature is none of the witnesses given")
	} else {
		v.sawWitness(first)
	}
	for line := range strings.Lines(c.Later) {
		witness := v.witnessOf(line)
		if witness == nil {
			v.report.CosignaturesNotChecked++
			continue
		}
		later, err := Cosignatures(unsignedText(c.Note)+"\n"+line, witness)
		if err != nil {
			v.found(CosignatureWrong, fmt.Sprint("size ", c.N), "a later cosignature is not of %s", witness.Name())
			continue
		}
		v.report.CosignaturesChecked++
		v.sawWitness(later)
	}
}

// witnessOf is the witness whose cosignature a line says it is; nil if it was not given.
func (v *verification) witnessOf(line string) note.Verifier {
	id := idOfLine(line)
	for _, witness := range slices.Concat(v.witnesses, v.outside) {
		if WitnessID(witness) == id {
			return witness
		}
	}
	return nil
}

func (v *verification) sawWitness(given []Cosignature) {
	for _, one := range given {
		if slices.ContainsFunc(v.outside, func(w note.Verifier) bool { return WitnessID(w) == one.Witness }) {
			v.outsideAt[one.Witness] = laterOf(v.outsideAt[one.Witness], one.At)
		} else {
			v.report.WitnessedAt = laterOf(v.report.WitnessedAt, one.At)
		}
	}
}

// witnessed tells of a log whose witness is away: of one that grows by the checkpoint that waits, of one that stands still by the
// age of its newest cosignature.
func (v *verification) witnessed(ctx context.Context) error {
	if err := v.withoutCheckpoint(ctx); err != nil {
		return err
	}
	n := len(v.signed)
	if n == 0 || len(v.witnesses) == 0 {
		return nil
	}
	newest, subject := v.signed[n-1], fmt.Sprint("size ", v.signed[n-1].N)
	// A log that nobody has cosigned yet is judged since it began.
	last := laterOf(v.signed[0].MadeAt, v.report.WitnessedAt)
	switch {
	case newest.Cosigned == "" && v.opts.Now.Sub(newest.MadeAt) > patience:
		v.found(NotWitnessed, subject, "no witness has cosigned it since %s", newest.MadeAt.Format(time.RFC3339))
	case v.opts.Policy.Within > 0 && v.opts.AsOf.Sub(last) > v.opts.Policy.Within:
		v.found(NotWitnessed, subject, "cosigned last at %s, and looked at as of %s", last.Format(time.RFC3339), v.opts.AsOf.UTC().Format(time.RFC3339))
	}
	v.witnessedOutside(subject)
	return nil
}

// witnessedOutside tells of a log that too few of the witnesses outside of the relay have cosigned lately.
func (v *verification) witnessedOutside(subject string) {
	lately := 0
	for _, at := range v.outsideAt {
		if v.opts.Policy.Within == 0 || v.opts.AsOf.Sub(at) <= v.opts.Policy.Within {
			lately++
		}
	}
	if lately < v.opts.Policy.Required {
		v.found(NotWitnessed, subject, "%d of the %d witnesses outside of the relay that are required have cosigned it lately", lately, v.opts.Policy.Required)
	}
}

// withoutCheckpoint looks for cosignatures whose checkpoint is gone.
func (v *verification) withoutCheckpoint(ctx context.Context) error {
	const read = `
		select distinct k.size from log_cosignature k left join log_checkpoint c using (generation, size) where c.seq is null order by k.size`
	var size int64
	return pg.Each(ctx, v.tx, "read cosignatures without a checkpoint", []any{&size}, func() error {
		v.found(CheckpointMissing, fmt.Sprint("size ", size), "there is a cosignature, and no checkpoint")
		return nil
	}, read)
}
