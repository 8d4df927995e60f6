package pades

import (
	"maps"
	"slices"
)

// The forms of signatures and time stamps, by their names in files (SubFilter).
const (
	// SubFilterPAdES (ETSI EN 319 142-1) is a signature whose signed attributes name its certificate.
	SubFilterPAdES = "ETSI.CAdES.detached"
	// SubFilterPKCS7 (ISO 32000-1 12.8.3.3) need not name it.
	SubFilterPKCS7 = "adbe.pkcs7.detached"
	// subFilterTimeStamp is a document time stamp (EN 319 142-1 section 5.4.3).
	subFilterTimeStamp = "ETSI.RFC3161"
)

// What fields and the dictionaries of their values may hold. No action is among it.
var (
	stampFieldEntries = []pdfName{"Type", "Subtype", "FT", "T", "V", "F", "P", "Rect"}
	fieldEntries      = append([]pdfName{"TU", "Ff", "AP", "MK", "M", "NM", "Border", "BS"}, stampFieldEntries...)
	filledEntries     = []pdfName{"V", "AP", "M", "F", "MK"} // of a field that was there without a value

	stampEntries     = []pdfName{"Type", "Filter", "SubFilter", "ByteRange", "Contents", "V"}
	signatureEntries = append([]pdfName{
		"M", "Name", "Reason", "Location", "ContactInfo", "Prop_Build", "Prop_AuthTime", "Prop_AuthType", "R", "Reference",
	}, stampEntries...)
)

// judgeFields finds the revision's new fields and those that were signed in, and the one signature or time stamp that they hold.
func (h *history) judgeFields(j *judged, r revision) map[reference]bool {
	fields := map[reference]bool{}
	for _, number := range slices.Sorted(maps.Keys(r.objects)) {
		d, ok := r.objects[number].(dict)
		before, known := h.current[number]
		old, wasDict := before.(dict)
		switch {
		case !ok || d["FT"] == nil || !known && number < h.base:
			continue
		case known && (!wasDict || !same(old["FT"], pdfName("Sig")) || old["V"] != nil || d["V"] == nil || !sameBut(old, d, filledEntries...)):
			continue // an object that was changed
		}
		fields[reference(number)] = true
		if j.added != nil {
			j.change("more than one signature or time stamp in one revision")
			continue
		}
		h.judgeField(j, number, known, r)
	}
	return fields
}

func (h *history) judgeField(j *judged, number int, known bool, r revision) {
	field := r.objects[number].(dict)
	to, ok := field["V"].(reference)
	values, isDict := r.objects[int(to)].(dict)
	if _, old := h.current[int(to)]; !ok || !isDict || old {
		j.change("a new field has no value of its own: field %d", number)
		return
	}
	added := &addition{values: values, stamp: same(values["Type"], pdfName("DocTimeStamp"))}
	j.added, j.TimeStamp, j.Signature = added, added.stamp, !added.stamp
	entries, valueEntries := fieldEntries, signatureEntries
	if added.stamp {
		entries, valueEntries = stampFieldEntries, stampEntries
	}
	invisible := same(field["Rect"], array{float64(0), float64(0), float64(0), float64(0)})
	j.Shown = !invisible || field["AP"] != nil
	for key := range field {
		if !known && !slices.Contains(entries, key) {
			j.change("a new field has an entry that is not accepted: field %d", number)
		}
	}
	for key := range values {
		if !slices.Contains(valueEntries, key) {
			j.change("a signature or time stamp has an entry that is not accepted: field %d", number)
		}
	}
	if !known {
		h.judgeName(j, number, field)
	}
	switch {
	case !same(field["FT"], pdfName("Sig")):
		j.change("a new field is no signature: field %d", number)
	case added.stamp && j.Shown:
		j.change("a time stamp is shown: field %d", number)
	case added.stamp != same(values["SubFilter"], pdfName(subFilterTimeStamp)):
		j.change("a signature or time stamp is of the other's form: field %d", number)
	case values["Reference"] != nil:
		j.change("a certification that is not the first signature: field %d", number)
	}
	added.place(j, number, r)
}

func (h *history) judgeName(j *judged, number int, field dict) {
	if characters(field["T"]) == "" {
		j.change("a new field has no name: field %d", number)
	}
	for _, object := range h.current {
		if other, ok := object.(dict); ok && other["FT"] != nil && characters(other["T"]) == characters(field["T"]) {
			j.change("a new field has the name of another one: field %d", number)
		}
	}
}

// place finds the value, and makes sure that it covers everything up to its revision's end but exactly itself.
func (a *addition) place(j *judged, number int, r revision) {
	contents, ok := a.values["Contents"].(hexText)
	covered := array{float64(0), float64(contents.from), float64(contents.to), float64(r.end - contents.to)}
	if !ok || !same(a.values["ByteRange"], covered) {
		j.change("a signature or time stamp does not cover everything up to its revision's end: field %d", number)
		return
	}
	value, err := valueOf([]byte(contents.digits))
	if err != nil {
		j.change("%v: field %d", err, number)
		return
	}
	a.seal, a.value = seal{contents.from, contents.to, r.end}, value
}

// drawn lists the new objects of what the revision's fields look like.
func (h *history) drawn(r revision, fields map[reference]bool) map[reference]bool {
	seen := map[reference]bool{}
	var walk func(o any)
	walk = func(o any) {
		for _, to := range references(o) {
			next, fresh := r.objects[int(to)]
			_, known := h.current[int(to)]
			if d, ok := next.(dict); !fresh || known || seen[to] || fields[to] || ok && d["ByteRange"] != nil {
				continue
			}
			seen[to] = true
			walk(next)
		}
	}
	for field := range fields {
		if d, ok := r.objects[int(field)].(dict); ok {
			walk(d["AP"])
		}
	}
	return seen
}
