package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// mediaSize is the media type of an answer that is the size the witness cosigned last.
	mediaSize = "text/x.tlog.size"
	// maxAnswerBytes bounds an answer: a few cosignatures.
	maxAnswerBytes = 32 << 10
)

// ErrNotExtended says that a witness knows another history of the log: a part of it was changed or cut off, here or there.
var ErrNotExtended = errors.New("the witness knows another history of this log")

// Client asks one witness.
type Client struct {
	name, url string
	verifier  note.Verifier
	http      *http.Client
}

// Name is the witness's name for operators.
func (c *Client) Name() string { return c.name }

// Verifier is of its cosignatures.
func (c *Client) Verifier() note.Verifier { return c.verifier }

// AddCheckpoint asks the witness to cosign a checkpoint that extends the one of oldSize leaves. It returns the checkpoint's text
// with the witness's signature alone; or empty and the size that the witness has cosigned last, where that is another than
// oldSize: to be asked again with a proof from there. ErrNotExtended is an alarm.
func (c *Client) AddCheckpoint(ctx context.Context, oldSize int64, proof tlog.TreeProof, checkpoint string) (cosigned string, stands int64, err error) {
	body := Request{OldSize: oldSize, Proof: proof, Checkpoint: checkpoint}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return "", 0, fmt.Errorf("address of the witness: %w", err)
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	response, err := c.http.Do(request)
	if err != nil {
		return "", 0, fmt.Errorf("not reached: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return "", 0, fmt.Errorf("answer did not arrive whole: %w", err)
	case len(answer) > maxAnswerBytes:
		return "", 0, errors.New("answer is too long")
	}
	return c.read(response.StatusCode, response.Header.Get("Content-Type"), answer, oldSize, checkpoint)
}

// read reads an answer. Errors repeat nothing of it.
func (c *Client) read(status int, media string, answer []byte, oldSize int64, checkpoint string) (cosigned string, stands int64, err error) {
	switch status {
	case http.StatusOK:
		cosigned, err = c.cosignature(string(answer), checkpoint)
		return cosigned, 0, err
	case http.StatusConflict:
		size, whole := strings.CutSuffix(string(answer), "\n")
		stands, ok := parseSize(size)
		switch {
		case media != mediaSize || !whole || !ok:
			return "", 0, errors.New("answered with a conflict, and no size")
		case stands == oldSize:
			return "", 0, fmt.Errorf("%w: another root at %d leaves", ErrNotExtended, stands)
		}
		return "", stands, nil
	case http.StatusUnprocessableEntity:
		return "", 0, fmt.Errorf("%w: the proof from %d leaves does not hold there", ErrNotExtended, oldSize)
	case http.StatusForbidden, http.StatusNotFound:
		return "", 0, fmt.Errorf("answered with status %d: it does not witness this log, or not under this key", status)
	default:
		return "", 0, fmt.Errorf("answered with status %d", status)
	}
}

// cosignature finds the witness's own signature among the lines of an answer.
func (c *Client) cosignature(lines, checkpoint string) (string, error) {
	end := strings.LastIndex(checkpoint, "\n\n")
	if end < 0 {
		return "", errors.New("the checkpoint is no signed note")
	}
	opened, err := note.Open([]byte(checkpoint[:end+2]+lines), note.VerifierList(c.verifier))
	if err != nil || opened.Text != checkpoint[:end+1] {
		return "", errors.New("answered without a cosignature of its key over this checkpoint")
	}
	return fmt.Sprintf("%s\n— %s %s\n", opened.Text, opened.Sigs[0].Name, opened.Sigs[0].Base64), nil
}
