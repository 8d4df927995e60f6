package pades

import (
	"encoding/hex"
	"slices"
)

// permitted reports whether an object of an earlier revision may be written anew like this. fields are the new ones, and those
// that were signed in.
func (h *history) permitted(number int, before, after any, fields map[reference]bool) bool {
	if h.listed(number) {
		return grown(before, after, fields)
	}
	if h.inStore(number) {
		return validationData(after) && storeGrown(before, after)
	}
	old, ok := before.(dict)
	now, isDict := after.(dict)
	switch {
	case !ok || !isDict:
		return false
	case reference(number) == h.root:
		return h.permittedCatalog(old, now, fields)
	case same(h.catalog()["AcroForm"], reference(number)):
		return permittedForm(old, now, fields)
	case same(old["Type"], pdfName("Page")):
		return sameBut(old, now, "Annots") && grown(old["Annots"], now["Annots"], fields)
	}
	return false
}

func (h *history) catalog() dict {
	catalog, _ := h.current[int(h.root)].(dict)
	return catalog
}

// form is that of a catalog, by the objects so far or, if they are there, the newer ones.
func (h *history) form(catalog dict, newer map[int]any) dict {
	if to, indirect := catalog["AcroForm"].(reference); indirect {
		if form, ok := newer[int(to)].(dict); ok {
			return form
		}
		form, _ := h.current[int(to)].(dict)
		return form
	}
	form, _ := catalog["AcroForm"].(dict)
	return form
}

// listed reports whether an object is the list of the form's fields or of a page's annotations.
func (h *history) listed(number int) bool {
	if _, ok := h.current[number].(array); !ok {
		return false
	}
	if same(h.form(h.catalog(), nil)["Fields"], reference(number)) {
		return true
	}
	for _, object := range h.current {
		if page, ok := object.(dict); ok && same(page["Type"], pdfName("Page")) && same(page["Annots"], reference(number)) {
			return true
		}
	}
	return false
}

// inStore reports whether an object is one of the dictionaries and lists of the document's validation data.
func (h *history) inStore(number int) bool {
	seen := map[reference]bool{}
	var walk func(o any)
	walk = func(o any) {
		for _, to := range references(o) {
			if seen[to] {
				continue
			}
			switch next := h.current[int(to)].(type) {
			case dict, array:
				seen[to] = true
				walk(next)
			}
		}
	}
	walk(h.catalog()["DSS"])
	return seen[reference(number)]
}

func (h *history) permittedCatalog(old, now dict, fields map[reference]bool) bool {
	if !sameBut(old, now, "DSS", "AcroForm", "Extensions") || len(references(now["Extensions"])) > 0 {
		return false
	}
	if old["Extensions"] != nil && !storeGrown(old["Extensions"], now["Extensions"]) || !h.permittedStore(old["DSS"], now["DSS"]) {
		return false
	}
	oldForm, direct := old["AcroForm"].(dict)
	if !direct {
		return same(old["AcroForm"], now["AcroForm"])
	}
	nowForm, direct := now["AcroForm"].(dict)
	return direct && permittedForm(oldForm, nowForm, fields)
}

// permittedStore reports whether validation data may be named like this. What is new must be of a later revision: an object of
// the first one is something else. What was there stays.
func (h *history) permittedStore(old, now any) bool {
	before := references(old)
	for _, to := range references(now) {
		if int(to) < h.base && !slices.Contains(before, to) {
			return false
		}
	}
	if direct, ok := now.(dict); ok && !validationData(direct) {
		return false
	}
	if _, indirect := old.(reference); indirect {
		return same(old, now)
	}
	return old == nil || storeGrown(old, now)
}

func permittedForm(old, now dict, fields map[reference]bool) bool {
	return sameBut(old, now, "Fields", "SigFlags") && grown(old["Fields"], now["Fields"], fields)
}

// sameBut compares two dictionaries without some of their entries.
func sameBut(old, now dict, but ...pdfName) bool {
	for _, of := range []dict{old, now} {
		for key := range of {
			if !slices.Contains(but, key) && !same(old[key], now[key]) {
				return false
			}
		}
	}
	return true
}

// grown reports whether a list of references is the old one, followed by new fields alone.
func grown(old, now any, fields map[reference]bool) bool {
	before, ok := old.(array)
	if !ok && old != nil {
		return same(old, now)
	}
	after, ok := now.(array)
	if !ok || len(after) < len(before) || !same(before, after[:len(before)]) {
		return now == nil && old == nil
	}
	for _, v := range after[len(before):] {
		if to, ok := v.(reference); !ok || !fields[to] {
			return false
		}
	}
	return true
}

// storeGrown reports whether everything of a dictionary, or of a list of references, is still there.
func storeGrown(old, now any) bool {
	switch old := old.(type) {
	case dict:
		later, ok := now.(dict)
		for key, v := range old {
			if !ok || later[key] == nil || !storeGrown(v, later[key]) {
				return false
			}
		}
		return ok
	case array:
		later, ok := now.(array)
		return ok && !slices.ContainsFunc(old, func(v any) bool {
			return !slices.ContainsFunc(later, func(other any) bool { return same(v, other) })
		})
	default:
		return same(old, now)
	}
}

// validationData reports whether an object can only hold validation data: a stream that is of no type, dictionaries of the
// document security store (DSS), arrays of references to them.
func validationData(object any) bool {
	switch o := object.(type) {
	case stream:
		for key := range o.dict {
			if key != "Length" && key != "Filter" {
				return false
			}
		}
		filter := o.dict["Filter"]
		return filter == nil || same(filter, pdfName("FlateDecode")) || same(filter, array{pdfName("FlateDecode")})
	case dict:
		for key, v := range o {
			_, err := hex.DecodeString(string(key)) // names of signatures: SHA-1 of their values
			named := len(key) == 40 && err == nil
			if !named && !slices.Contains([]pdfName{"Type", "VRI", "Certs", "CRLs", "OCSPs", "Cert", "CRL", "OCSP", "TU", "TS"}, key) {
				return false
			}
			if key == "Type" && !same(v, pdfName("DSS")) && !same(v, pdfName("VRI")) {
				return false
			}
			switch v.(type) {
			case dict, array:
				if !validationData(v) {
					return false
				}
			}
		}
		return true
	case array:
		return !slices.ContainsFunc(o, func(v any) bool { _, ok := v.(reference); return !ok })
	}
	return false
}

// inForm reports whether the revision's new fields are among the form's; those that were signed in stay where they were.
func (h *history) inForm(r revision, fields map[reference]bool) bool {
	catalog := h.catalog()
	if now, ok := r.objects[int(h.root)].(dict); ok {
		catalog = now
	}
	list := h.form(catalog, r.objects)["Fields"]
	if to, indirect := list.(reference); indirect {
		list = h.current[int(to)]
		if now, ok := r.objects[int(to)]; ok {
			list = now
		}
	}
	named := references(list)
	for field := range fields {
		if _, signedIn := h.current[int(field)]; !signedIn && !slices.Contains(named, field) {
			return false
		}
	}
	return true
}
