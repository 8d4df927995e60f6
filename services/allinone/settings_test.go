package allinone

import (
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Settings that nobody edited follow what narud writes. Edited ones stay as they are, or keep narud from starting when it would
// have to write something else there than before the edit; then nothing is written at all.
func TestEditedSettingsAreNeverOverwritten(t *testing.T) {
	t.Parallel()
	r := &Relay{folder: folder(t.TempDir()), log: slog.New(slog.DiscardHandler)}
	require.NoError(t, r.folder.prepare())
	read := func(name string) string {
		raw, err := os.ReadFile(r.folder.path("config", name))
		require.NoError(t, err)
		return string(raw)
	}
	edit := func(name, content string) {
		require.NoError(t, os.WriteFile(r.folder.path("config", name), []byte(content), 0o600))
	}
	start := func(hub, intake string) error {
		return r.writeSettings(t.Context(), map[string]string{"hub.yaml": hub, "intake.yaml": intake})
	}
	require.NoError(t, start("hub 1", "intake 1"))
	require.NoError(t, start("hub 1", "intake 1"))
	require.NoError(t, start("hub 2", "intake 1"))
	require.Equal(t, "hub 2", read("hub.yaml"))

	edit("intake.yaml", "intake edited")
	require.NoError(t, start("hub 3", "intake 1"))
	require.Equal(t, "intake edited", read("intake.yaml"))
	require.Equal(t, "hub 3", read("hub.yaml"))

	err := start("hub 4", "intake 2")
	require.ErrorContains(t, err, "config/intake.yaml was edited")
	require.NotContains(t, err.Error(), "hub.yaml")
	require.Equal(t, "intake edited", read("intake.yaml"))
	require.Equal(t, "hub 3", read("hub.yaml"))

	require.NoError(t, start("hub 3", "intake 1"), "with what was written before the edit it stays")
	require.NoError(t, os.Remove(r.folder.path("config", "intake.yaml")))
	require.NoError(t, start("hub 4", "intake 2"))
	require.Equal(t, "intake 2", read("intake.yaml"))

	edit("hub.yaml", "hub 3")
	require.NoError(t, start("hub 5", "intake 2"), "what narud itself wrote before is not edited")
	require.Equal(t, "hub 5", read("hub.yaml"))
}

// Settings that are there before narud ever wrote any are a person's.
func TestSettingsOfBeforeAreKept(t *testing.T) {
	t.Parallel()
	r := &Relay{folder: folder(t.TempDir()), log: slog.New(slog.DiscardHandler)}
	require.NoError(t, r.folder.prepare())
	require.NoError(t, os.WriteFile(r.folder.path("config", "hub.yaml"), []byte("a person's"), 0o600))
	require.ErrorContains(t, r.writeSettings(t.Context(), map[string]string{"hub.yaml": "narud's"}), "was edited")
}

// A second narud on a folder is told so at once, and leaves what the first one has there alone.
func TestSecondRelayOnAFolder(t *testing.T) {
	t.Parallel()
	f := folder(t.TempDir())
	release, err := f.lock()
	require.NoError(t, err)
	require.NoError(t, f.writeJSON(0o644, Endpoints{REST: "http://127.0.0.1:1"}, "naru.json"))
	_, err = Start(t.Context(), Options{Dir: string(f)})
	require.ErrorContains(t, err, "another narud's")
	require.ErrorContains(t, err, "process ")
	require.FileExists(t, f.path("naru.json"))
	require.NoDirExists(t, f.path("secrets"))
	require.NoError(t, release())
	release, err = f.lock()
	require.NoError(t, err)
	require.NoError(t, release())
}
