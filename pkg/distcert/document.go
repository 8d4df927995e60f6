package distcert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/naru-relay/naru/pkg/pades"
)

// document is what a trusted file holds.
type document struct {
	content  []byte // of the attachment
	signedAt time.Time
	updates  []Update
}

// readDocument parses a file whose signature was verified, and holds its structure to the form: one signature field whose
// dictionary is the one that was verified and, where the content is to be read, no other field and one attachment.
// Only the signed revision reaches the parser; what follows it is judged against that. bound tells that the signature names its
// certificate.
func readDocument(file *pades.File, bound bool, opts Options) (_ *document, err error) {
	defer func() {
		// The parser is a large library that was written for friendly files.
		if r := recover(); r != nil {
			err = fmt.Errorf("parser gave up: %v", r)
		}
	}()
	parsed, err := file.Document()
	if err != nil {
		return nil, err
	}
	withContent := opts.Profile == ProfileSandbox
	if withContent && parsed.Fields != 1 {
		return nil, errors.New("there are more form fields than the signature")
	}
	if err := checkForm(parsed.Signature, bound, opts.SubFilters); err != nil {
		return nil, err
	}
	added, err := parsed.Additions(opts.forTimeStamps(), opts.At)
	if err != nil {
		return nil, err
	}
	var d document
	for _, one := range added {
		d.updates = append(d.updates, Update(one))
	}
	r := reader{parsed.PDF}
	if text, err := r.ctx.DereferenceStringOrHexLiteral(parsed.Signature["M"], model.V10, nil); err == nil {
		if at, ok := types.DateTime(text, false); ok {
			d.signedAt = at.UTC()
		}
	}
	if !withContent {
		return &d, nil
	}
	if d.content, err = r.onlyAttachment(parsed.Catalog); err != nil {
		return nil, err
	}
	return &d, nil
}

type reader struct{ ctx *model.Context }

func (r reader) dict(o types.Object, found bool) (types.Dict, error) {
	if !found || o == nil {
		return nil, errors.New("dictionary is missing")
	}
	d, err := r.ctx.DereferenceDict(o)
	if err != nil || d == nil {
		return nil, errors.New("dictionary cannot be read")
	}
	return d, nil
}

func (r reader) array(o types.Object, found bool, length int) (types.Array, error) {
	if !found || o == nil {
		return nil, errors.New("array is missing")
	}
	a, err := r.ctx.DereferenceArray(o)
	if err != nil || len(a) != length {
		return nil, errors.New("array cannot be read or has another length")
	}
	return a, nil
}

// checkForm holds the signature to an accepted form, and to what that form demands of it.
func checkForm(signature types.Dict, bound bool, accepted []string) error {
	form := signature.NameEntry("SubFilter")
	switch {
	case form == nil || !slices.Contains(accepted, *form):
		return errors.New("signature is not " + strings.Join(accepted, " or "))
	case *form == SubFilterPAdES && !bound:
		return errors.New("signature is " + SubFilterPAdES + " and does not name its certificate")
	}
	return nil
}

// onlyAttachment reads the one embedded file: a flat name tree with the expected name.
func (r reader) onlyAttachment(catalog types.Dict) ([]byte, error) {
	names, err := r.dict(catalog.Find("Names"))
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	tree, err := r.dict(names.Find("EmbeddedFiles"))
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	o, found := tree.Find("Names")
	pair, err := r.array(o, found, 2)
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	specification, err := r.dict(pair[1], true)
	if err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	for _, name := range []types.Object{pair[0], specification["UF"]} {
		if text, err := r.ctx.DereferenceStringOrHexLiteral(name, model.V10, nil); err != nil || text != AttachmentName {
			return nil, errors.New("attachment has another name")
		}
	}
	files, err := r.dict(specification.Find("EF"))
	if err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	stream, _, err := r.ctx.DereferenceStreamDict(files["F"])
	if err != nil || stream == nil {
		return nil, errors.New("attachment cannot be read")
	}
	if err := stream.Decode(); err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	if len(stream.Content) > maxContentBytes {
		return nil, errors.New("attachment is too large")
	}
	return stream.Content, nil
}
