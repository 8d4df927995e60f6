package main

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
)

const (
	form     = bundle.CheckContainer
	document = "document/document.pdf"
)

// containers are ZIP archives that are not in their one form, or hold other files than they should.
func (w *world) containers() []vector {
	good := w.story().bundle()
	size := len(good)
	directory := directoryAt(good)
	at := func(place int) []byte { return flip(place)(bytes.Clone(good)) }
	return []vector{
		bad("zip_first_byte", "first byte changed", at(0), form),
		bad("zip_local_version", "version in a file's header changed", at(4), form),
		bad("zip_local_flags", "flags in a file's header changed", at(6), form),
		bad("zip_local_method", "compression method in a file's header changed", at(8), form),
		bad("zip_local_time", "time in a file's header changed", at(10), form),
		bad("zip_local_crc", "check sum in a file's header changed", at(14), form),
		bad("zip_local_size", "size in a file's header changed", at(18), form),
		bad("zip_local_name", "name in a file's header changed", at(30), form),
		bad("zip_central_made_by", "who made the entry, changed in the directory", at(directory+4), form),
		bad("zip_central_attributes", "attributes of an entry of the directory changed", at(directory+38), form),
		bad("zip_central_offset", "place of a file changed in the directory", at(directory+42), form),
		bad("zip_central_name", "name of a file changed in the directory", at(directory+46), form),
		bad("zip_end_count", "number of files changed at the end", at(size-12), form),
		bad("zip_end_offset", "place of the directory changed at the end", at(size-6), form),
		bad("zip_end_comment", "a comment at the end", append(flip(size-2)(bytes.Clone(good)), 'x'), form),
		bad("zip_bytes_after", "bytes after the archive", append(bytes.Clone(good), 0), form),
		bad("zip_bytes_before", "bytes before the archive", append([]byte{0}, good...), form),
		bad("zip_bytes_between", "bytes between the files and the directory", slices.Concat(good[:directory], []byte{0}, good[directory:]), form),
		bad("zip_truncated", "cut off in the middle", good[:size/2], form),
		bad("zip_truncated_at_end", "last byte missing", good[:size-1], form),
		bad("zip_empty", "no bytes", nil, form),
		bad("zip_entry_twice", "a file twice in the directory", repeated(good), form),
		bad("zip_name_in_other_case", "two names that differ by case alone", renamed(with(good, document, entry{"bundle-json", []byte("{}")}), "bundle-json", "BUNDLE.json"), form),
		bad("zip_path_traversal", "a name that leads out of the folder", renamed(with(good, document, entry{"aa/evil.txt", []byte("x")}), "aa/evil.txt", "../evil.txt"), form),
		bad("zip_absolute_path", "a name that begins at the root", renamed(with(good, document, entry{"aetc/passwd", []byte("x")}), "aetc/passwd", "/etc/passwd"), form),
		bad("zip_backslash", "a name with a backslash", renamed(with(good, document, entry{"aa/evil.txt", []byte("x")}), "aa/evil.txt", "aa\\evil.txt"), form),
		bad("zip_deflated", "compressed files", byZip(good, func(h *zip.FileHeader) { h.Method = zip.Deflate }), form),
		bad("zip_data_descriptors", "sizes behind the files", byZip(good, nil), form),
		bad("zip_extra_field", "an extra field", byZip(good, func(h *zip.FileHeader) { h.Extra = []byte{0xfe, 0xca, 2, 0, 'x', 'x'} }), form),
		bad("zip_folder", "a folder as an entry", byZip(good, nil, entry{"evil/", nil}), form),
		bad("zip_bomb", "64 MiB of zeros, compressed", bomb(good), form),
		bad("zip_contents_changed", "a file changed and its check sums not", slices.Concat(good[:directory-1], []byte{good[directory-1] ^ 1}, good[directory:]),
			bundle.CheckContents, "archive_time_stamp.signature"),
		bad("mimetype_changed", "says that it is something else", mimetype(good, "application/vnd.etsi.asic-s+zip"), bundle.CheckMimetype),
		bad("mimetype_not_first", "what it is stands in its second file", second(good), bundle.CheckMimetype),
		bad("file_added", "a file that nothing lists", with(good, asic.Manifest, entry{"document/more.pdf", []byte("x")}),
			bundle.CheckManifestFiles, bundle.CheckArchiveFiles, bundle.CheckParts),
		bad("file_added_in_meta", "a file among the signatures that nothing lists", with(good, asic.ArchiveManifest, entry{"META-INF/more.xml", []byte("x")}), bundle.CheckArchiveFiles),
		bad("file_removed", "a listed file is missing", without(good, "verify.txt"), bundle.CheckManifestFiles, bundle.CheckArchiveFiles, bundle.CheckParts),
		bad("files_in_another_order", "two files exchanged their places", exchanged(good), bundle.CheckManifestFiles, bundle.CheckArchiveFiles, bundle.CheckParts),
	}
}

// mimetype writes another one, of the same length, with its check sum in both headers.
func mimetype(container []byte, text string) []byte {
	if len(text) != len(asic.MediaType) {
		panic("media types of one length")
	}
	return exchangedContent(container, asic.Mimetype, []byte(text))
}

// exchangedContent changes a file of the same length, and its check sums: what together does, for the mimetype, too.
func exchangedContent(container []byte, name string, content []byte) []byte {
	old := must(asic.MeasureOf(bytes.NewReader(contentOf(container, name))))
	fresh := must(asic.MeasureOf(bytes.NewReader(content)))
	le := func(n uint32) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)} }
	changed := bytes.Replace(container, contentOf(container, name), content, 1)
	return bytes.ReplaceAll(changed, le(old.CRC), le(fresh.CRC))
}

// second has the mimetype behind the first file.
func second(container []byte) []byte {
	c := must(asic.Open(bytes.NewReader(container), int64(len(container))))
	files := c.Files()
	first, next := 30+len(files[0].Name)+int(files[0].Size), 30+len(files[1].Name)+int(files[1].Size)
	out := slices.Concat(container[first:first+next], container[:first], container[first+next:])
	directory := directoryAt(container)
	one, two := 46+len(files[0].Name), 46+len(files[1].Name)
	entries := bytes.Clone(container[directory : directory+one+two])
	moved := slices.Concat(entries[one:], entries[:one])
	place(moved, 0, 0)
	place(moved, two, next)
	copy(out[directory:], moved)
	return out
}

// place writes where a file of the directory is.
func place(directory []byte, entry, at int) {
	for i := range 4 {
		directory[entry+42+i] = byte(at >> (8 * i))
	}
}

func exchanged(container []byte) []byte {
	entries := apart(container)
	for i, e := range entries {
		if strings.HasPrefix(e.name, "document/attachment01") {
			entries[i], entries[i+1] = entries[i+1], entries[i]
			break
		}
	}
	return together(entries)
}
