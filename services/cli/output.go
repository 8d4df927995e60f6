package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/services/client/relay"

	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// output is a file that a command writes at its end. It is made before anything is spent for what will stand in it, so that
// what cannot be had twice is never lost for want of a place.
type output struct {
	path string
	made bool
	kept bool
}

// reserve makes the file, which must not exist; with overwrite it may, and then stays as it is until it is filled.
func reserve(path string, overwrite bool) (*output, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the caller's own file
	made := err == nil
	switch {
	case errors.Is(err, fs.ErrExist) && overwrite:
		if file, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil { //nolint:gosec // as above
			return nil, fmt.Errorf("write the result: %w", err)
		}
	case errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("%s: file exists, and is left as it is", path)
	case err != nil:
		return nil, fmt.Errorf("write the result: %w", err)
	}
	return &output{path: path, made: made}, file.Close()
}

// fill writes the file whole.
func (o *output) fill(content []byte, mode fs.FileMode) error {
	o.kept = true // also what was half written is looked at by somebody
	return durable.WriteFile(o.path, content, mode)
}

// fillJSON writes a small JSON file of secrets.
func (o *output) fillJSON(v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return o.fill(append(raw, '\n'), 0o600)
}

// fillCredentials writes what a relay gave, and to which principal.
func (o *output) fillCredentials(c *gatewayv1.Credentials, principal string) error {
	given := relay.Credentials(c)
	given.Principal = principal
	return o.fillJSON(given)
}

// drop removes the file if it was made and never filled.
func (o *output) drop() error {
	if !o.made || o.kept {
		return nil
	}
	return os.Remove(o.path)
}
