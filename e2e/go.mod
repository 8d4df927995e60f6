module github.com/naru-relay/naru/e2e

go 1.26.0

require github.com/naru-relay/naru v0.0.0

replace github.com/naru-relay/naru => ../
