package delivery

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"text/template"

	"github.com/wneessen/go-mail"

	"github.com/naru-relay/naru/pkg/config"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// mailer is a mail server as a channel.
type mailer struct {
	config  SMTP
	options []mail.Option
	domain  string
}

func newMailer(i Invitation) (*mailer, error) {
	s := i.SMTP
	m := &mailer{config: s, options: []mail.Option{mail.WithPort(s.Port), mail.WithTimeout(i.Timeout.Std()), mail.WithoutNoop()}}
	_, m.domain, _ = strings.Cut(strings.TrimRight(s.From, "> "), "@")
	if s.AllowPlain {
		m.options = append(m.options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	} else {
		m.options = append(m.options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	trust := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		roots, err := config.Roots(s.CAFile)
		if err != nil {
			return nil, err
		}
		trust.RootCAs = roots
	}
	m.options = append(m.options, mail.WithTLSConfig(trust))
	if s.User != "" {
		m.options = append(m.options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User), mail.WithPassword(string(s.PasswordFile.Value())))
	}
	_, err := mail.NewClient(s.Host, m.options...)
	if err != nil {
		return nil, fmt.Errorf("read the settings of the mail server: %w", err)
	}
	return m, nil
}

func (m *mailer) name() []byte {
	digest := sha256.Sum256([]byte("smtp " + net.JoinHostPort(m.config.Host, strconv.Itoa(m.config.Port))))
	return digest[:]
}

func (*mailer) reaches(c *platformv1.Contact) (by, to string, ok bool) {
	return byEmail, c.GetEmail(), c.GetEmail() != ""
}

var inviting = template.Must(template.New("invitation").Parse(`{{.Sender}}에서 귀하께 전자문서를 보냈습니다.

{{.Relay}}에 가입하시면 받으실 수 있습니다:
{{.Join}}

확인 번호: {{.Code}}
이 안내가 {{.Relay}}에서 보낸 것인지, 위 페이지에서 확인 번호로 확인하실 수 있습니다. 같은 곳에서 앞으로의 안내를 거절하실 수도 있습니다.
이 안내에는 문서의 제목이나 내용이 들어 있지 않습니다.
`))

func (m *mailer) invite(ctx context.Context, i invitation) error {
	message := mail.NewMsg()
	if message.From(m.config.From) != nil || message.To(i.to) != nil {
		return errNoSuchPerson // the settings were checked: the contact is no mail address
	}
	message.Subject(fmt.Sprintf("[%s] %s에서 보낸 전자문서 안내", i.relay, i.sender))
	message.SetDate()
	message.SetMessageIDWithValue(i.message.String() + "@" + m.domain)
	var text strings.Builder
	if err := inviting.Execute(&text, map[string]string{"Sender": i.sender, "Relay": i.relay, "Join": i.join, "Code": i.code}); err != nil {
		return fmt.Errorf("write a mail: %w", err)
	}
	message.SetBodyString(mail.TypeTextPlain, text.String())
	client, err := mail.NewClient(m.config.Host, m.options...)
	if err != nil {
		return fmt.Errorf("make a client of the mail server: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, message)
	if err == nil || message.IsDelivered() { // a server that took the mail may still fail to say goodbye
		return nil
	}
	return judgeMail(err)
}

// errMail hides what the library says: its errors repeat the contact.
var errMail = errors.New("the mail server could not be had, or offers no STARTTLS")

// noSuchMailbox are the enhanced codes (RFC 3463) that know no such mailbox, or no such domain.
var noSuchMailbox = []string{"5.1.1", "5.1.2"}

func judgeMail(err error) error {
	var refused *mail.SendError
	if !errors.As(err, &refused) || refused.ErrorCode() == 0 {
		return errMail
	}
	for _, code := range noSuchMailbox {
		if refused.ErrorCode() == 550 && refused.EnhancedStatusCode() == code {
			return errNoSuchPerson
		}
	}
	return &answerError{status: refused.ErrorCode()}
}
