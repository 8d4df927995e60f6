package pades

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/id"
)

const (
	// certify is what a certification allows later: forms and signatures (DocMDP P, ISO 32000-1 table 254). With 1 Acrobat takes
	// validation data for a change.
	certify = 2
	// roomForSignature is left for a signature beside its certificates, roomForToken for a time stamp with its authority's.
	roomForSignature = 3 << 10
	roomForToken     = 12 << 10
)

// Sign appends a revision with a signature (ETSI.CAdES.detached) over everything up to its end; not a byte of the file is
// changed. Further signers sign its result. Encrypted files, XFA forms and hybrid files are refused (ErrEncrypted, ErrXFA,
// ErrHybrid).
func Sign(ctx context.Context, pdf []byte, opts Options) ([]byte, error) {
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("sign PDF: %w", err)
	}
	o, err := readOriginal(pdf)
	if err != nil {
		return nil, fmt.Errorf("sign PDF: %w", err)
	}
	d := o.draft()
	number, err := d.addSignature(opts)
	if err != nil {
		return nil, fmt.Errorf("sign PDF: %w", err)
	}
	signed, err := d.seal(number, func(content []byte) ([]byte, error) {
		// PAdES puts the signing time into the dictionary's M and forbids it in the signed attributes.
		with := cms.SignOptions{Detached: true, OmitSigningTime: true}
		if opts.Stamp != nil {
			with.TimeStamp = func(signature []byte) ([]byte, error) { return opts.Stamp(ctx, sha256.Sum256(signature)) }
		}
		return cms.SignWith(content, opts.Signer, opts.Chain, with)
	})
	if err != nil {
		return nil, fmt.Errorf("sign PDF: %w", err)
	}
	return signed, nil
}

// addSignature adds the dictionary of a signature that is yet to be made, and its field.
func (d *draft) addSignature(opts Options) (reference, error) {
	before, locked := d.signatures()
	switch {
	case locked:
		return 0, ErrLocked
	case opts.Certify && before > 0:
		return 0, errors.New("only the first signature can certify a file")
	}
	octets := roomForSignature + certificatesSize(opts.Chain)
	if opts.Stamp != nil {
		octets += roomForToken
	}
	values := dict{
		"Type": pdfName("Sig"), "Filter": pdfName("Adobe.PPKLite"), "SubFilter": pdfName(SubFilterPAdES),
		"ByteRange": array{float64(0), float64(rangeRoom), float64(rangeRoom), float64(rangeRoom)}, "Contents": room(octets),
		"M": plainText(date(opts.At)),
	}
	if opts.Reason != "" {
		values["Reason"] = text(opts.Reason)
	}
	if opts.Location != "" {
		values["Location"] = text(opts.Location)
	}
	if opts.Certify {
		values["Reference"] = array{dict{
			"Type": pdfName("SigRef"), "TransformMethod": pdfName("DocMDP"),
			"TransformParams": dict{"Type": pdfName("TransformParams"), "P": float64(certify), "V": pdfName("1.2")},
		}}
	}
	number := d.add(values)
	if err := d.place(number, opts.Field, "Signature", opts.Appearance); err != nil {
		return 0, err
	}
	if opts.Certify {
		permissions := with(d.dict(d.catalog()["Perms"]), "DocMDP", number)
		d.put(d.root, with(d.catalog(), "Perms", permissions))
	}
	return number, nil
}

func certificatesSize(chain []*x509.Certificate) (octets int) {
	for _, certificate := range chain {
		octets += len(certificate.Raw)
	}
	return octets
}

// date is KST in the notation of ISO 32000-1 section 7.9.4.
func date(at time.Time) string { return at.In(id.KST).Format("D:20060102150405") + "+09'00'" }

// place makes a value that of the named field, or of a new one. Without a name it gets one with this prefix.
func (d *draft) place(value reference, name, prefix string, look *Appearance) error {
	const printLocked = 4 | 128
	if name == "" {
		name = d.freeName(prefix)
	}
	if at, field := d.field(name); field != nil {
		return d.fill(at, with(with(field, "V", value), "F", float64(printLocked)), field, look)
	}
	field := dict{
		"Type": pdfName("Annot"), "Subtype": pdfName("Widget"), "FT": pdfName("Sig"), "T": text(name), "V": value, "F": float64(printLocked),
		"Rect": array{float64(0), float64(0), float64(0), float64(0)},
	}
	number := 1
	if look != nil {
		number, field["Rect"] = look.Page, look.Box.array()
		drawn, err := d.draw(look, field["Rect"])
		if err != nil {
			return err
		}
		field["AP"] = drawn
	}
	page, err := d.page(number)
	if err != nil {
		return err
	}
	field["P"] = page
	return d.addField(page, d.add(field))
}

func (d *draft) freeName(prefix string) string {
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s%d", prefix, n)
		if _, taken := d.field(name); taken == nil {
			return name
		}
	}
}

// fill puts a value into a field that was there before.
func (d *draft) fill(at reference, now, before dict, look *Appearance) error {
	switch {
	case !same(before["FT"], pdfName("Sig")) || before["V"] != nil || before["Kids"] != nil || at == 0:
		return errors.New("the field is signed already, or not one for signatures")
	case before["Lock"] != nil || before["SV"] != nil: // ISO 32000-1 12.7.4.5
		return errors.New("the field asks for more of its signature than is done here")
	}
	if look != nil {
		drawn, err := d.draw(look, before["Rect"])
		if err != nil {
			return err
		}
		now["AP"] = drawn
	}
	d.putForm(d.form())
	d.put(at, now)
	return nil
}
