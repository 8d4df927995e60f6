package pades

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// Extension is what is added to a signed file for those who verify it later.
type Extension struct {
	// Certificates, revocation lists (CRL) and OCSP answers, DER: those of the signers, of their time stamps and of the
	// authorities above them. What the file holds already is not added again. Together with what is there they make B-LT.
	Certificates   []*x509.Certificate
	Lists, Answers [][]byte
	// Stamp makes a document time stamp over everything, the validation data included (B-LTA); nil: none. It is renewed by
	// extending the file again before its authority's certificate ends.
	Stamp StampFunc
	// Field is the name of the time stamp's field; default TimeStamp1, TimeStamp2 and so on.
	Field string
}

// Extend appends a revision with validation data, a document time stamp, or both, to a signed file. Not a byte of the file is
// changed.
func Extend(ctx context.Context, pdf []byte, add Extension) ([]byte, error) {
	extended, err := extend(ctx, pdf, add)
	if err != nil {
		return nil, fmt.Errorf("extend signed PDF: %w", err)
	}
	return extended, nil
}

func extend(ctx context.Context, pdf []byte, add Extension) ([]byte, error) {
	o, err := readOriginal(pdf)
	if err != nil {
		return nil, err
	}
	before, _ := o.signatures()
	if before == 0 {
		return nil, errors.New("the file is not signed")
	}
	d := o.draft()
	if err := d.addValidationData(add); err != nil {
		return nil, err
	}
	if add.Stamp == nil {
		if len(d.written) == 0 {
			return nil, errors.New("there is nothing to add")
		}
		file, _, err := d.write()
		return file, err
	}
	number := d.add(dict{
		"Type": pdfName("DocTimeStamp"), "Filter": pdfName("Adobe.PPKLite"), "SubFilter": pdfName(subFilterTimeStamp),
		"ByteRange": array{float64(0), float64(rangeRoom), float64(rangeRoom), float64(rangeRoom)}, "Contents": room(roomForToken),
	})
	if err := d.place(number, add.Field, "TimeStamp", nil); err != nil {
		return nil, err
	}
	return d.seal(number, func(content []byte) ([]byte, error) { return add.Stamp(ctx, sha256.Sum256(content)) })
}

// addValidationData adds to the document security store (DSS, EN 319 142-1 section 5.4.2) what it does not hold yet.
func (d *draft) addValidationData(add Extension) error {
	var certificates [][]byte
	for _, certificate := range add.Certificates {
		certificates = append(certificates, certificate.Raw)
	}
	holder := d.catalog()["DSS"]
	before := d.dict(holder)
	if holder != nil && before == nil {
		return fmt.Errorf("%w: its validation data", ErrMalformed)
	}
	now := before
	for _, list := range []struct {
		key  pdfName
		data [][]byte
	}{{"Certs", certificates}, {"CRLs", add.Lists}, {"OCSPs", add.Answers}} {
		fresh, err := d.fresh(d.array(before[list.key]), list.data)
		if err != nil {
			return err
		}
		if len(fresh) == 0 {
			continue
		}
		if now, err = d.extend(now, list.key, fresh...); err != nil {
			return err
		}
	}
	to, indirect := holder.(reference)
	switch {
	case same(now, before):
	case indirect:
		d.put(to, now)
	case holder != nil:
		d.put(d.root, with(d.catalog(), "DSS", now))
	default:
		d.put(d.root, with(d.catalog(), "DSS", d.add(now)))
	}
	return nil
}

// fresh adds a stream for each of the data that no stream of the list holds.
func (d *draft) fresh(list array, data [][]byte) (added array, err error) {
	var held [][]byte
	for _, entry := range list {
		s, ok := d.resolve(entry).(stream)
		if !ok {
			return nil, fmt.Errorf("%w: its validation data", ErrMalformed)
		}
		content, err := s.unpacked(maxStoredBytes)
		if err != nil {
			return nil, fmt.Errorf("%w: its validation data: %w", ErrMalformed, err)
		}
		held = append(held, content)
	}
	for _, der := range data {
		if slices.ContainsFunc(held, func(known []byte) bool { return bytes.Equal(known, der) }) {
			continue
		}
		held = append(held, der)
		added = append(added, d.add(stream{dict: dict{}, data: der}))
	}
	return added, nil
}
