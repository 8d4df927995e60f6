package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/naru-relay/naru/pkg/receipt"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/document"
	"github.com/naru-relay/naru/services/client/relay"
)

type receiptCommand struct {
	Verify receiptVerify `cmd:"" help:"Verify a receipt (접수증), also without the relay."`
}

type receiptVerify struct {
	File string `arg:"" type:"existingfile" help:"File with the receipt, or with the JSON that naru send --json wrote."`
	Keys string `type:"existingfile" placeholder:"FILE" help:"Key set of the relay (JSON Web Key Set), kept from its ${keys}. Default: asked of the relay."`
	Doc  string `type:"existingfile" placeholder:"FILE" help:"The document, to compare its hash with the receipt's."`
}

// Help is shown by naru receipt verify --help.
func (receiptVerify) Help() string {
	return `Verifies the relay's signature and the document's place under it, and shows what the receipt states. With --keys nothing is asked of
anybody, so it works long after; without, the relay's published keys are fetched, for which nobody has to log in.

Examples:
  naru send … --json > sent.json; naru receipt verify sent.json --doc notice.pdf
  curl -sf https://relay.example/.well-known/naru/intake/jwks.json > keys.json; naru receipt verify receipt.txt --keys keys.json`
}

// Run verifies.
func (c *receiptVerify) Run(a *app) error {
	signed, err := readReceipt(c.File)
	if err != nil {
		return err
	}
	hash := ""
	if c.Doc != "" {
		d, err := document.Open(c.Doc)
		if err != nil {
			return err
		}
		hash = d.Hash
	}
	keys, err := c.keys(a)
	if err != nil {
		return err
	}
	claims, err := receipt.Verify(signed, keys)
	if err != nil {
		return fmt.Errorf("the receipt is not good: %w", err)
	}
	if hash != "" && claims.DocumentHash.Value != hash {
		return fmt.Errorf("the receipt is good, and about another document than %s", c.Doc)
	}
	return a.show(claims, func() error {
		return a.say("%s  accepted %s  own key %s  sender %s  %s %s  verified", claims.EdocNum, claims.AcceptedAt, claims.OwnKey, claims.Sender,
			claims.DocumentHash.Algorithm, claims.DocumentHash.Value)
	})
}

func (c *receiptVerify) keys(a *app) ([]byte, error) {
	if c.Keys != "" {
		return endpoints.ReadFile(c.Keys)
	}
	p, err := a.place()
	if err != nil {
		return nil, err
	}
	client, err := relay.Open(p.REST, p.http, endpoints.Credentials{})
	if err != nil {
		return nil, err
	}
	return client.ReceiptKeys(a.ctx)
}

// readReceipt reads a receipt, or the member of that name.
func readReceipt(path string) (string, error) {
	text, err := endpoints.ReadSecret(path)
	if err != nil || !strings.HasPrefix(text, "{") {
		return text, err
	}
	var kept struct{ Receipt string }
	if err := json.Unmarshal([]byte(text), &kept); err != nil || kept.Receipt == "" {
		return "", fmt.Errorf("%s holds no member receipt", path)
	}
	return kept.Receipt, nil
}
