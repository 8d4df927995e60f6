package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/naru-relay/naru/pkg/durable"
)

// LogsFolder is where the trust looks for the keys of the relay's logs, which the relay publishes itself.
const LogsFolder = "logs"

// trustFile is read by whoever verifies bundles (pkg/bundle).
const trustFile = "trust.yaml"

// RelayKeysFile holds the keys of the relay that uses the sandbox, as it publishes them, where whoever starts it has put them.
const RelayKeysFile = "relay-keys.json"

// trust is written into it: every system of the sandbox, by the roots beside it.
const trust = `# Whom to trust for bundles of this sandbox (시험용): for tests alone. naru verify --trust reads this folder.
assemblers:
  roots: [relay-root.pem, requester-root.pem]
  signers: ["` + RelayName + `", "` + RequesterName + `"]
time_stamps:
  roots: [tsa-root.pem]
hub:
  profile: naru-sandbox-hub/1
  roots_file: hub-root.pem
  subjects: ["%s"]
archives:
  issuers:
    - name: "` + ArchiveName + `"
      profile: naru-sandbox-archive/1
      roots: [archive-root.pem]
  skew: 1s
logs:
  folder: logs
`

// ofRelay is added where the relay's keys are known.
const ofRelay = `relays:
  - name: ` + RelayName + `
    keys: [` + RelayKeysFile + `]
`

// writeTrust says in the folder itself whom its roots belong to.
func (s *Store) writeTrust() error {
	content := fmt.Sprintf(trust, s.kinds[Hub].leaf.Subject.String())
	if _, err := os.Stat(filepath.Join(s.dir, RelayKeysFile)); err == nil {
		content += ofRelay
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.WriteFile(filepath.Join(s.dir, trustFile), []byte(content), 0o644)
}
