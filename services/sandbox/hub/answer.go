package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
)

// Error codes. Public sources show only 103, 104, 303, 304 and 501. The others are ours and follow the numbering of the known
// ones (1xx authentication, 2xx form, 3xx address, 5xx certificate).
const (
	codeClientRefused     = "ERR-01-101" // ours
	codeRefreshRefused    = "ERR-01-102" // ours
	codeTokenInvalid      = "ERR-01-103"
	codeTokenExpired      = "ERR-01-104"
	codeForm              = "ERR-01-201" // ours
	codeHeader            = "ERR-01-202" // ours
	codeAddressExists     = "ERR-01-303"
	codeAddressUnknown    = "ERR-01-304"
	codeAddressTime       = "ERR-01-305" // ours
	codeNoCirculation     = "ERR-01-501"
	codeCertificateFailed = "ERR-01-502" // ours
	codeInternal          = "ERR-01-999" // ours
)

// failure is an answer with resultCode 0. Its message is Korean, at most 256 characters, and never repeats a value of the
// request.
type failure struct {
	code, message string
}

func (f *failure) Error() string { return f.code }

func badForm(field string) *failure {
	return &failure{codeForm, "요청 형식이 올바르지 않습니다: " + field}
}

var (
	errTokenInvalid   = &failure{codeTokenInvalid, "유효하지 않은 접근 토큰입니다"}
	errTokenExpired   = &failure{codeTokenExpired, "만료된 접근 토큰입니다"}
	errAddressExists  = &failure{codeAddressExists, "이미 등록된 공인전자주소입니다"}
	errAddressUnknown = &failure{codeAddressUnknown, "존재하지 않는 공인전자주소입니다"}
	errAddressTime    = &failure{codeAddressTime, "공인전자주소 이력의 시각 순서에 맞지 않습니다"}
	errNoCirculation  = &failure{codeNoCirculation, "유통정보가 존재하지 않습니다"}
	errNotCertifiable = &failure{codeCertificateFailed, "증명서로 표시할 수 없는 유통정보입니다"}
)

// result is the beginning of every answer.
type result struct {
	ResultCode int    `json:"resultCode"`
	ErrCode    string `json:"errCode,omitempty"`
	ErrMsg     string `json:"errMsg,omitempty"`
}

var success = result{ResultCode: 1}

func (f *failure) result() result {
	return result{ResultCode: 0, ErrCode: f.code, ErrMsg: f.message}
}

// failureOf maps an error to the failure that the caller may see, and to the HTTP status. Only errors of the hub itself are not
// 200: relays treat any other status as a transport failure and do not read its body.
func (s *System) failureOf(ctx context.Context, path string, err error) (*failure, int) {
	var f *failure
	if errors.As(err, &f) {
		return f, http.StatusOK
	}
	s.Log.LogAttrs(ctx, slog.LevelError, "hub call did not succeed", slog.String("path", path), slog.Any("error", err))
	return &failure{codeInternal, "유통허브 내부 오류입니다"}, http.StatusInternalServerError
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
