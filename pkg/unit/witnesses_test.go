package unit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/witness"
)

// The settings name witnesses each once, and require no more of them than there are.
func TestWitnessesByConfiguration(t *testing.T) {
	t.Parallel()
	of := func(name string) witness.Config {
		return witness.Config{Name: name, URL: "https://" + name, Key: journaltest.Cosigner(t, name, clock.System()).PublicCosigner}
	}
	good := func() ProcessWitnesses {
		return ProcessWitnesses{Outside: []witness.Config{of("one.example"), of("two.example")}, Required: 2, Every: config.Duration(time.Minute)}
	}
	require.NoError(t, good().validate())
	require.NoError(t, DefaultProcess().Witnesses.validate())
	for text, change := range map[string]func(*ProcessWitnesses){
		"required":                 func(w *ProcessWitnesses) { w.Required = 3 },
		"required: must be 0":      func(w *ProcessWitnesses) { w.Required = -1 },
		"every":                    func(w *ProcessWitnesses) { w.Every = config.Duration(31 * time.Minute) },
		"outside[1].url":           func(w *ProcessWitnesses) { w.Outside[1].URL = "" },
		"of the same witness":      func(w *ProcessWitnesses) { w.Outside[1].Key = of("one.example").Key },
		"outside[1].name: is give": func(w *ProcessWitnesses) { w.Outside[1].Name = "one.example" },
	} {
		bad := good()
		change(&bad)
		require.ErrorContains(t, bad.validate(), text)
	}
	clients, err := good().clients()
	require.NoError(t, err)
	p := publication(Runtime{Outside: clients, WitnessesRequired: 2})
	require.Equal(t, 2, p.Required)
	require.Equal(t, []string{journal.WitnessID(clients[0].Verifier()), journal.WitnessID(clients[1].Verifier())}, p.Outside)
}
