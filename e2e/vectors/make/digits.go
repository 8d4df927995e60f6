package main

import (
	"fmt"
	"strconv"
)

func digits(n int) string { return strconv.Itoa(n) }

func tenDigits(n int) string { return fmt.Sprintf("%010d", n) }

func number(text []byte) int { return must(strconv.Atoi(string(text))) }
