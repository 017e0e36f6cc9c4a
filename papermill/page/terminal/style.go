package terminal

import (
	"fmt"
	"strconv"
	"strings"
)

// colour is a colour of text or ground. Zero is the page's own; 1 to 16 are the terminal's, which the page's style names; others have
// trueColour set and are RGB.
type colour uint32

const trueColour colour = 1 << 24

type attributes uint8

const (
	bold attributes = 1 << iota
	faint
	italic
	underline
	strike
	inverse
)

// style is how a character looks. Blinking and hidden text is shown as it is: paper doesn't blink, and nothing may be lost.
type style struct {
	text, ground colour
	attributes   attributes
}

// set applies the parameters of SGR (ECMA-48, 8.3.117; colours as in ITU T.416, also with semicolons as all terminals take them).
func (s *style) set(parameters string) {
	list := strings.Split(parameters, ";")
	for i := 0; i < len(list); i++ {
		part := list[i]
		if strings.Contains(part, ":") {
			sub := strings.Split(part, ":")
			if len(sub) > 5 && sub[1] == "2" { // with a colour space
				sub = append(sub[:2:2], sub[3:]...)
			}
			switch sub[0] {
			case "38", "48":
				s.extended(sub)
			case "4":
				s.switchOn(underline, sub[1] != "0")
			}
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil && part != "" {
			continue
		}
		switch {
		case n == 0:
			*s = style{}
		case n == 1:
			s.switchOn(bold, true)
		case n == 2:
			s.switchOn(faint, true)
		case n == 3:
			s.switchOn(italic, true)
		case n == 4 || n == 21:
			s.switchOn(underline, true)
		case n == 7:
			s.switchOn(inverse, true)
		case n == 9:
			s.switchOn(strike, true)
		case n == 22:
			s.switchOn(bold|faint, false)
		case n == 23:
			s.switchOn(italic, false)
		case n == 24:
			s.switchOn(underline, false)
		case n == 27:
			s.switchOn(inverse, false)
		case n == 29:
			s.switchOn(strike, false)
		case 30 <= n && n <= 37:
			s.text = colour(n - 30 + 1)
		case 40 <= n && n <= 47:
			s.ground = colour(n - 40 + 1)
		case 90 <= n && n <= 97:
			s.text = colour(n - 90 + 9)
		case 100 <= n && n <= 107:
			s.ground = colour(n - 100 + 9)
		case n == 39:
			s.text = 0
		case n == 49:
			s.ground = 0
		case n == 38 || n == 48:
			i += s.extended(list[i:])
		}
	}
}

func (s *style) switchOn(a attributes, on bool) {
	s.attributes &^= a
	if on {
		s.attributes |= a
	}
}

// extended reads a colour of 256 (38;5;n) or a true one (38;2;r;g;b), and returns how many parameters follow its first.
func (s *style) extended(list []string) int {
	number := func(i int) (colour, bool) {
		if i >= len(list) {
			return 0, false
		}
		n, err := strconv.Atoi(list[i])
		return colour(n), (err == nil || list[i] == "") && 0 <= n && n <= 255
	}
	kind, _ := number(1)
	var c colour
	length := 1
	switch kind {
	case 5:
		n, ok := number(2)
		if length = 2; !ok {
			return length
		}
		c = of256(n)
	case 2:
		r, okR := number(2)
		g, okG := number(3)
		b, okB := number(4)
		if length = 4; !okR || !okG || !okB {
			return length
		}
		c = trueColour | r<<16 | g<<8 | b
	default:
		return length
	}
	if list[0] == "38" {
		s.text = c
	} else {
		s.ground = c
	}
	return length
}

// of256 is a colour of xterm's palette: the terminal's 16, a cube of 6×6×6, and 24 greys.
func of256(n colour) colour {
	level := func(n colour) colour {
		if n == 0 {
			return 0
		}
		return 55 + 40*n
	}
	switch {
	case n < 16:
		return n + 1
	case n < 232:
		n -= 16
		return trueColour | level(n/36)<<16 | level(n/6%6)<<8 | level(n%6)
	}
	grey := 8 + 10*(n-232)
	return trueColour | grey<<16 | grey<<8 | grey
}

// append opens the style's span, if it needs one.
func (s style) append(b []byte) []byte {
	if s == (style{}) {
		return b
	}
	text, ground := s.text, s.ground
	var classes, rules []string
	if s.attributes&inverse != 0 {
		text, ground = ground, text
		if text == 0 {
			classes = append(classes, "t-paper")
		}
		if ground == 0 {
			classes = append(classes, "g-ink")
		}
	}
	for i, name := range []string{"bold", "faint", "italic", "underline", "strike"} {
		if s.attributes&(1<<i) != 0 {
			classes = append(classes, name)
		}
	}
	switch {
	case text&trueColour != 0 && ground == 0 && s.attributes&inverse == 0:
		rules = append(rules, "color:light-dark("+text.readable(false)+","+text.readable(true)+")")
	case text&trueColour != 0:
		rules = append(rules, "color:"+text.hex())
	case text != 0:
		classes = append(classes, fmt.Sprintf("t%d", text-1))
	}
	switch {
	case ground&trueColour != 0:
		rules = append(rules, "background:"+ground.hex())
		if text == 0 && s.attributes&inverse == 0 { // the page's own colour is chosen for the page's ground
			rules = append(rules, "color:"+map[bool]string{true: "#000", false: "#fff"}[ground.light() > 0.5])
		}
	case ground != 0:
		classes = append(classes, fmt.Sprintf("g%d", ground-1))
	}
	b = append(b, "<span"...)
	if len(classes) > 0 {
		b = fmt.Appendf(b, ` class="%s"`, strings.Join(classes, " "))
	}
	if len(rules) > 0 {
		b = fmt.Appendf(b, ` style="%s"`, strings.Join(rules, ";"))
	}
	return append(b, '>')
}

func (c colour) rgb() (r, g, b float64) {
	return float64(c >> 16 & 0xFF), float64(c >> 8 & 0xFF), float64(c & 0xFF)
}

func (c colour) hex() string { return fmt.Sprintf("#%06x", uint32(c&0xFFFFFF)) }

// light is how light a colour looks, from 0 to 1.
func (c colour) light() float64 {
	r, g, b := c.rgb()
	return (0.299*r + 0.587*g + 0.114*b) / 255
}

// readable is the colour, changed as little as it takes to be read on a white or on a dark page.
func (c colour) readable(dark bool) string {
	r, g, b := c.rgb()
	light := c.light()
	switch {
	case !dark && light > 0.6: // towards black
		f := 0.6 / light
		r, g, b = r*f, g*f, b*f
	case dark && light < 0.45: // towards white
		f := (0.45 - light) / (1 - light)
		r, g, b = r+(255-r)*f, g+(255-g)*f, b+(255-b)*f
	}
	return fmt.Sprintf("#%02x%02x%02x", int(r), int(g), int(b))
}
