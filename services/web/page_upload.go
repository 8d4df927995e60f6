package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/naru-relay/naru/pkg/text"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

const (
	// appendBytes is what one message of an upload holds.
	appendBytes = 256 << 10
	// pieceBytes is the largest piece that the page's script sends.
	pieceBytes = 8 << 20
	// maxSpooled are the files that rest here at one time; what they take on disk is so many times the largest upload.
	maxSpooled = 16
	// maxContents are a document and its ten attachments.
	maxContents = 11
)

// contents are the uploads that an address names.
func (v *visit) contents() []string {
	named := v.r.URL.Query()["content"]
	return named[:min(len(named), maxContents)]
}

func (v *visit) showAttach() error { return v.uploadForm(http.StatusOK, ui.Form{}) }

func (v *visit) uploadForm(status int, form ui.Form) error {
	view := ui.UploadView{Form: form, Before: v.contents()}
	// The page is of use without the limit, too.
	if limits, err := v.relay.uploads.GetUploadLimits(v.r.Context(), &contentv1.GetUploadLimitsRequest{}); err == nil {
		view.Limit = limits.GetFileBytes()
	}
	return v.show(status, ui.Upload(v.frame(locale.UploadTitle), view))
}

// upload takes a file in one form, for browsers without script.
func (v *visit) upload() error {
	if err := v.fileTimes(); err != nil {
		return err
	}
	limits, err := v.relay.uploads.GetUploadLimits(v.r.Context(), &contentv1.GetUploadLimitsRequest{})
	if err != nil {
		return err
	}
	form, err := v.bring(limits.GetFileBytes() + formBytes)
	if err != nil {
		return err
	}
	name, file, err := form.next()
	if err != nil {
		return err
	}
	if name != "file" || file == nil {
		return v.uploadForm(http.StatusUnprocessableEntity, ui.Form{Wrong: []ui.Wrong{{Field: "file", Text: locale.UploadNeeds}}})
	}
	kept, err := v.takeFile(file.FileName(), file)
	if err != nil {
		return err
	}
	if kept.GetState() == contentv1.UploadState_UPLOAD_STATE_REFUSED {
		return v.refused(kept)
	}
	v.redirect("/send?" + url.Values{"content": append(v.contents(), kept.GetId()), "done": {"uploaded"}}.Encode())
	return nil
}

// fileTimes give a form the time that a file may take, and its answer.
func (v *visit) fileTimes() error {
	if err := http.NewResponseController(v.w).SetReadDeadline(v.clock.Now().Add(fileTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("give a file its time: %w", err)
	}
	return v.longAnswer()
}

// takeFile uploads a file as it arrives in a form.
func (v *visit) takeFile(name string, file io.Reader) (*contentv1.Upload, error) {
	if !v.spools.TryAcquire(1) {
		return nil, overloaded()
	}
	defer v.spools.Release(1)
	arrived, err := spool(v.config.SpoolDir, file)
	if err != nil {
		return nil, err
	}
	defer arrived.close()
	kept, err := v.begin(name, pdf, arrived.size, arrived.hash)
	if err != nil {
		return nil, err
	}
	content, err := arrived.open()
	if err != nil {
		return nil, err
	}
	return v.appendTo(kept.GetId(), 0, content)
}

func (v *visit) begin(name, kind string, size int64, hash string) (*contentv1.Upload, error) {
	named, ok := text.Line(path.Base(strings.ReplaceAll(name, `\`, "/")))
	if !ok || named == "" {
		named = "document.pdf"
	}
	answer, err := v.relay.uploads.CreateUpload(v.as(), &contentv1.CreateUploadRequest{
		FileName: string([]rune(named)[:min(len([]rune(named)), 200)]), MediaType: kind, Size: size, Hash: &platformv1.Digest{Algorithm: "SHA-256", Value: hash},
	})
	return answer.GetUpload(), err
}

// appendTo streams bytes into an upload.
func (v *visit) appendTo(id string, offset int64, from io.Reader) (*contentv1.Upload, error) {
	ctx, cancel := context.WithTimeout(v.as(), fileTime)
	defer cancel()
	stream, err := v.relay.uploads.AppendUpload(ctx)
	if err != nil {
		return nil, err
	}
	piece := make([]byte, appendBytes)
	request := &contentv1.AppendUploadRequest{Id: id, Offset: offset}
	for {
		n, err := io.ReadFull(from, piece)
		request.Data = piece[:n]
		if n > 0 || request.GetId() != "" {
			if sent := stream.Send(request); sent != nil && !errors.Is(sent, io.EOF) {
				return nil, sent
			} else if sent != nil {
				break // the answer says why
			}
		}
		request = &contentv1.AppendUploadRequest{}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return nil, arriving(err)
		}
	}
	answer, err := stream.CloseAndRecv()
	return answer.GetUpload(), err
}

// refused shows every reason for which a file was not taken.
func (v *visit) refused(u *contentv1.Upload) error {
	form := ui.Form{}
	for _, finding := range u.GetFindings() {
		problem, _ := locale.ProblemOf(finding.GetReason())
		form.Wrong = append(form.Wrong, ui.Wrong{Field: "file", Text: problem.What})
	}
	if len(form.Wrong) == 0 {
		form.Wrong = []ui.Wrong{{Field: "file", Text: locale.UploadRefusedText}}
	}
	return v.uploadForm(http.StatusUnprocessableEntity, form)
}

// standingAnswer is what the page's script is told of an upload.
type standingAnswer struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"`
	Ended  bool   `json:"ended"`
}

func (v *visit) answer(u *contentv1.Upload) error {
	raw, err := json.Marshal(standingAnswer{ID: u.GetId(), Offset: u.GetOffset(), Ended: u.GetState() != contentv1.UploadState_UPLOAD_STATE_RECEIVING})
	if err != nil {
		return fmt.Errorf("write where an upload stands: %w", err)
	}
	v.w.Header().Set("Content-Type", "application/json")
	_, err = v.w.Write(raw)
	if err != nil {
		return v.brokenOff(err)
	}
	return nil
}

// beginUpload, standing and appendUpload are for the page's script.
func (v *visit) beginUpload() error {
	size, err := strconv.ParseInt(v.form("size"), 10, 64)
	if err != nil {
		return invalidForm("size is no number")
	}
	made, err := v.begin(v.form("name"), v.form("type"), size, v.form("hash"))
	if err != nil {
		return err
	}
	return v.answer(made)
}

func (v *visit) standing() error {
	found, err := v.relay.uploads.GetUpload(v.as(), &contentv1.GetUploadRequest{Id: v.r.PathValue("id")})
	if err != nil {
		return err
	}
	return v.answer(found.GetUpload())
}

func (v *visit) appendUpload() error {
	if err := v.checkToken(v.r.Header.Get(tokenHeader)); err != nil {
		return err
	}
	offset, err := strconv.ParseInt(v.r.Header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return invalidForm("Upload-Offset is no number")
	}
	kept, err := v.appendTo(v.r.PathValue("id"), offset, http.MaxBytesReader(v.w, v.r.Body, pieceBytes))
	if err != nil {
		return err
	}
	return v.answer(kept)
}

// uploadsNamed looks uploads up, in their order. One that was refused is the second answer.
func (v *visit) uploadsNamed(ids []string) (found []*contentv1.Upload, refused *contentv1.Upload, err error) {
	for _, id := range slices.Compact(slices.Clone(ids)) {
		answer, err := v.relay.uploads.GetUpload(v.as(), &contentv1.GetUploadRequest{Id: id})
		if err != nil {
			return nil, nil, err
		}
		if answer.GetUpload().GetState() == contentv1.UploadState_UPLOAD_STATE_REFUSED {
			return nil, answer.GetUpload(), nil
		}
		found = append(found, answer.GetUpload())
	}
	return found, nil, nil
}
