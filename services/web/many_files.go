package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/sheet"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

const (
	// filesOfForm is how many files a form without script may bring at once.
	filesOfForm = 20
	// maxSheets are the sheets that are read at one time; each takes up to some 60 MiB.
	maxSheets = 4
)

// checkAgain asks about the files that were still being checked.
func (v *visit) checkAgain(d *draft) error {
	changed := false
	for i, f := range d.files {
		if !f.Checking {
			continue
		}
		answer, err := v.relay.uploads.GetUpload(v.as(), &contentv1.GetUploadRequest{Id: f.ID})
		if err != nil {
			return err
		}
		d.files[i] = draftFileOf(answer.GetUpload())
		changed = changed || !d.files[i].Checking
	}
	if !changed {
		return nil
	}
	_, err := v.drafts.save(v.r.Context(), d) // if somebody else has changed it meanwhile, the next look says it again
	return err
}

func draftFileOf(u *contentv1.Upload) draftFile {
	f := draftFile{ID: u.GetId(), Name: u.GetFileName(), Size: u.GetSize()}
	switch u.GetState() {
	case contentv1.UploadState_UPLOAD_STATE_READY:
	case contentv1.UploadState_UPLOAD_STATE_REFUSED:
		for _, finding := range u.GetFindings() {
			f.Refused = append(f.Refused, finding.GetReason())
		}
		if len(f.Refused) == 0 {
			f.Refused = []string{fault.InvalidRequest.String()}
		}
	default:
		f.Checking = true
	}
	return f
}

// addFiles takes files in one form, one after the other, for browsers without script.
func (v *visit) addFiles() error {
	if _, err := v.draft(); err != nil {
		return err
	}
	if err := v.fileTimes(); err != nil {
		return err
	}
	limits, err := v.relay.uploads.GetUploadLimits(v.r.Context(), &contentv1.GetUploadLimitsRequest{})
	if err != nil {
		return err
	}
	form, err := v.bring(filesOfForm*limits.GetFileBytes() + formBytes)
	if err != nil {
		return err
	}
	for taken := 0; ; {
		name, file, err := form.next()
		if err != nil {
			return err
		}
		switch {
		case name == "" && taken > 0:
			v.redirect(v.draftPath() + "?done=files")
			return nil
		case name == "":
			return v.draftWrong("file", locale.UploadNeeds)
		case file == nil:
			continue
		case taken == filesOfForm:
			return v.draftWrong("file", locale.ManyFilesMost(filesOfForm))
		}
		if err := v.addFile(file, limits.GetFileBytes()); err != nil {
			return err
		}
		taken++
	}
}

func (v *visit) draftPath() string { return manyPath + "/" + v.r.PathValue("draft") }

func (v *visit) addFile(file *multipart.Part, most int64) error {
	if err := v.fileTimes(); err != nil { // each has its own time
		return err
	}
	kept, err := v.takeFile(file.FileName(), io.LimitReader(file, most+1))
	if err != nil {
		return err
	}
	return v.changeDraft(func(d *draft) error { return d.put(draftFileOf(kept)) })
}

// addUpload adds a file that the page's script has uploaded.
func (v *visit) addUpload() error {
	if _, err := v.draft(); err != nil {
		return err
	}
	found, err := v.relay.uploads.GetUpload(v.as(), &contentv1.GetUploadRequest{Id: v.form("content")})
	if err != nil {
		return err
	}
	if err := v.changeDraft(func(d *draft) error { return d.put(draftFileOf(found.GetUpload())) }); err != nil {
		return err
	}
	return v.answer(found.GetUpload())
}

// giveSheet takes the table; an earlier one is replaced.
func (v *visit) giveSheet() error {
	if _, err := v.draft(); err != nil {
		return err
	}
	form, err := v.bring(sheet.MaxBytes + formBytes)
	if err != nil {
		return err
	}
	if !v.sheets.TryAcquire(1) {
		return overloaded()
	}
	defer v.sheets.Release(1)
	files, err := form.all(sheet.MaxBytes)
	if err != nil {
		return err
	}
	if len(files["sheet"]) == 0 {
		return v.draftWrong("sheet", locale.ManyNeedsSheet)
	}
	table, err := readSheet(files["sheet"])
	var refused *sheet.Refused
	if errors.As(err, &refused) {
		return v.draftWrong("sheet", sheetRefused(refused.Code))
	}
	if err != nil {
		return err
	}
	if err := v.changeDraft(func(d *draft) error { d.give(*table); return nil }); err != nil {
		return err
	}
	v.redirect(v.draftPath() + "?done=sheet#shown")
	return nil
}

// draftWrong shows the draft with what has to be corrected in one of its forms.
func (v *visit) draftWrong(field string, about locale.Text) error {
	d, err := v.draft()
	if err != nil {
		return err
	}
	return v.draftPage(http.StatusUnprocessableEntity, d, ui.Form{Wrong: []ui.Wrong{{Field: field, Text: about}}}, "")
}
