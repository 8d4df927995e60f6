package cli

import (
	"time"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/mirror"
)

// witnessFlags say what is expected of the witnesses of logs.
type witnessFlags struct {
	WitnessedWithin   time.Duration `default:"${witnessedWithin}" placeholder:"TIME" help:"How old the newest cosignature of a log may be; a log that stands still is cosigned anew."`
	Witness           []string      `type:"existingfile" placeholder:"FILE" help:"Verifier keys of witnesses outside of the relay, one a line, repeatable; the units' own need not be named."`
	WitnessesRequired int           `default:"-1" placeholder:"N" help:"How many of them have to have cosigned a log within that time. Default: all of them."`
}

func (f witnessFlags) policy() (journal.WitnessPolicy, error) {
	if f.WitnessedWithin <= 0 {
		return journal.WitnessPolicy{}, usage("--witnessed-within must be above zero")
	}
	p := journal.WitnessPolicy{Within: f.WitnessedWithin, Required: f.WitnessesRequired}
	for _, file := range f.Witness {
		keys, err := mirror.ReadWitnessKeys(file)
		if err != nil {
			return journal.WitnessPolicy{}, unseenError{err}
		}
		p.Outside = append(p.Outside, keys...)
	}
	if p.Required < 0 {
		p.Required = len(p.Outside)
	}
	if p.Required > len(p.Outside) {
		return journal.WitnessPolicy{}, usage("--witnesses-required is above the number of keys given by --witness")
	}
	return p, nil
}
