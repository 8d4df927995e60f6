package delivery_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/delivery"
)

// mailServer is a mail server of the tests. It answers RCPT as rcpt says, and keeps what it took.
type mailServer struct {
	listener net.Listener
	// secure offers STARTTLS with it; nil for none.
	secure *tls.Config
	rcpt   func(line string) string

	mu      sync.Mutex
	mails   []string
	clients int
	// secured counts mails that came by TLS.
	secured int
}

func startMail(t *testing.T, secure *tls.Config, rcpt func(string) string) *mailServer {
	t.Helper()
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &mailServer{listener: listener, secure: secure, rcpt: rcpt}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *mailServer) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

func (s *mailServer) taken() (mails []string, clients, secured int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.mails...), s.clients, s.secured
}

func (s *mailServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	s.mu.Lock()
	s.clients++
	s.mu.Unlock()
	say := func(text string) { _, _ = conn.Write([]byte(text + "\r\n")) }
	lines := bufio.NewReader(conn)
	say("220 mail.example ESMTP")
	secured := false
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(line[:min(4, len(line))]); {
		case verb == "EHLO" && s.secure != nil && !secured:
			say("250-mail.example\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250 8BITMIME")
		case verb == "EHLO":
			say("250-mail.example\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME")
		case verb == "STAR":
			say("220 2.0.0 go ahead")
			conn = tls.Server(conn, s.secure)
			lines, secured = bufio.NewReader(conn), true
		case verb == "RCPT":
			say(s.rcpt(line))
		case verb == "DATA":
			say("354 go ahead")
			s.take(lines, secured)
			say("250 2.0.0 taken")
		case verb == "QUIT":
			say("221 2.0.0 bye")
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

func (s *mailServer) take(lines *bufio.Reader, secured bool) {
	var mail strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		mail.WriteString(line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, mail.String())
	if secured {
		s.secured++
	}
}

// mailing runs an office that invites by mail.
func mailing(t *testing.T, s *mailServer, change func(*delivery.SMTP)) *office {
	t.Helper()
	return setup(t, unittest.Config(func(c *delivery.Config) {
		c.Invitation.Channel, c.Invitation.Relay, c.Invitation.Join = "smtp", "나루", "https://naru.example/join#"
		c.Invitation.SMTP.Host, c.Invitation.SMTP.Port, c.Invitation.SMTP.From = "127.0.0.1", s.port(), "나루 <no-reply@naru.example>"
		change(&c.Invitation.SMTP)
	}))
}

func plain(s *delivery.SMTP) { s.AllowPlain = true }

func mailed() *platformv1.Contact { return &platformv1.Contact{Phone: canaryPhone, Email: canaryEmail} }

func taking(string) string { return "250 2.1.5 ok" }

// A mail invites as a message does. Who has no mail address cannot be reached by this channel.
func TestInvitationByMail(t *testing.T) {
	t.Parallel()
	s := startMail(t, nil, taking)
	o := mailing(t, s, plain)
	byMail, byPhoneOnly := o.stranger(t, mailed()), o.stranger(t, phoned())
	o.Deliver(t, express, found(1, byMail), found(1, byPhoneOnly))
	invited := unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 1)[0]
	require.Equal(t, byMail.GetFacts().GetEdocNum(), invited.GetEdocNum())
	require.Equal(t, "EMAIL", invited.GetBy())
	require.Equal(t, byPhoneOnly.GetFacts().GetEdocNum(), unittest.Facts[*deliveryv1.RecipientUnreachable](t, o.Bench)[0].GetEdocNum())
	mails, _, _ := s.taken()
	require.Len(t, mails, 1)
	require.Contains(t, mails[0], "To: <"+canaryEmail+">")
	require.Contains(t, mails[0], "https://naru.example/join")
	require.Regexp(t, `(?m)^Message-ID: <[0-9a-f-]{36}@naru.example>`, mails[0])
	require.NotContains(t, mails[0], byMail.GetFacts().GetEdocNum())
	require.NotContains(t, strings.ToLower(o.Logs.String()), strings.ToLower(canaryEmail))
}

// A mailbox or a domain that does not exist is nobody; any other refusal is tried again, and no log repeats the contact.
func TestMailServerRefuses(t *testing.T) {
	t.Parallel()
	for answer, nobody := range map[string]bool{
		"550 5.1.1 no such user": true, "550 5.1.2 no such host": true, "550 5.7.1 not from you": false, "451 4.7.1 later": false, "550 unknown": false,
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			s := startMail(t, nil, func(line string) string { return answer + " " + strings.TrimSpace(line) })
			o := mailing(t, s, plain)
			o.Deliver(t, express, found(1, o.stranger(t, mailed())))
			if nobody {
				require.Equal(t, "NO_SUCH_PERSON", unittest.AwaitFacts[*deliveryv1.DeliveryFailed](t, o.Bench, 1)[0].GetReason())
			} else {
				await.Require(t, unittest.Patience, func() bool {
					return o.count(t, `select count(*) from invitation where last_error = $1`, "answered with status "+answer[:3]) == 1
				})
			}
			require.NotContains(t, strings.ToLower(o.Logs.String()), strings.ToLower(canaryEmail))
		})
	}
}

// Without STARTTLS, or with a certificate that leads nowhere, nothing goes out; with one that leads to the configured roots it
// does.
func TestMailNeedsSTARTTLS(t *testing.T) {
	t.Parallel()
	certificate, roots := mailCertificate(t)
	for _, tc := range []struct {
		name   string
		secure *tls.Config
		roots  string
		works  bool
	}{
		{"not offered", nil, "", false},
		{"not trusted", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, "", false},
		{"trusted", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, roots, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := startMail(t, tc.secure, taking)
			o := mailing(t, s, func(c *delivery.SMTP) { c.CAFile = tc.roots })
			o.Deliver(t, express, found(1, o.stranger(t, mailed())))
			if tc.works {
				unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 1)
				mails, _, secured := s.taken()
				require.Equal(t, len(mails), secured)
				return
			}
			await.Require(t, unittest.Patience, func() bool { return o.count(t, `select count(*) from invitation where last_error is not null`) == 1 })
			mails, clients, _ := s.taken()
			require.Empty(t, mails)
			require.NotZero(t, clients)
		})
	}
}

func mailCertificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	now := clock.System().Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}
