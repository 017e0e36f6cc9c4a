package mathml

import (
	"strings"
	"sync"
)

// symbol is what a command without arguments stands for.
type symbol struct {
	tag        string // mi or mo
	text       string
	attributes string
	limits     bool // scripts go below and above in displays
	function   bool // a name that is set apart from its argument
}

// The commands of each kind, with the character that each stands for.
const (
	identifiers = `
alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ varkappa ϰ lambda λ mu μ nu ν xi ξ
omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω digamma ϝ
hbar ℏ hslash ℏ imath ı jmath ȷ ell ℓ wp ℘ partial ∂ nabla ∇ infty ∞ emptyset ∅ varnothing ∅ aleph ℵ beth ℶ gimel ℷ
forall ∀ exists ∃ nexists ∄ top ⊤ bot ⊥ angle ∠ measuredangle ∡ triangle △ square □ Box □ blacksquare ■ bigstar ★ lozenge ◊ diamondsuit ♢
heartsuit ♡ clubsuit ♣ spadesuit ♠ flat ♭ natural ♮ sharp ♯ complement ∁ eth ð mho ℧ degree ° checkmark ✓ S § P ¶ dag † ddag ‡ copyright ©
pounds £ ldots … dots … dotsc … dotsb ⋯ dotsm ⋯ dotsi ⋯ dotso … cdots ⋯ vdots ⋮ ddots ⋱ prime ′ backprime ‵ $ $ % % # # & & _ _
aa å AA Å o ø O Ø ae æ AE Æ oe œ OE Œ ss ß`
	uprights = `
Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω Re ℜ Im ℑ`
	operators = `
pm ± mp ∓ times × div ÷ cdot ⋅ cdotp · ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ ominus ⊖ otimes ⊗ oslash ⊘ odot ⊙ dagger † ddagger ‡ amalg ⨿
cap ∩ cup ∪ Cap ⋒ Cup ⋓ uplus ⊎ sqcap ⊓ sqcup ⊔ vee ∨ lor ∨ wedge ∧ land ∧ setminus ∖ smallsetminus ∖ wr ≀ diamond ⋄ bigtriangleup △
bigtriangledown ▽ triangleleft ◃ triangleright ▹ lhd ⊲ rhd ⊳ unlhd ⊴ unrhd ⊵ ltimes ⋉ rtimes ⋊ barwedge ⊼ veebar ⊻ boxplus ⊞ boxtimes ⊠
lt < gt > le ≤ leq ≤ leqslant ⩽ leqq ≦ ge ≥ geq ≥ geqslant ⩾ geqq ≧ ne ≠ neq ≠ ll ≪ gg ≫ lll ⋘ ggg ⋙ lesssim ≲ gtrsim ≳ lessgtr ≶ gtrless ≷
equiv ≡ sim ∼ simeq ≃ approx ≈ approxeq ≊ cong ≅ asymp ≍ doteq ≐ propto ∝ varpropto ∝ triangleq ≜ coloneqq ≔ eqqcolon ≕ thicksim ∼ thickapprox ≈
prec ≺ succ ≻ preceq ⪯ succeq ⪰ precsim ≾ succsim ≿ subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ subsetneq ⊊ supsetneq ⊋ sqsubseteq ⊑ sqsupseteq ⊒
nless ≮ ngtr ≯ nleq ≰ ngeq ≱ nsubseteq ⊈ nsupseteq ⊉ nparallel ∦ nmid ∤ ncong ≇ nsim ≁
in ∈ notin ∉ ni ∋ owns ∋ parallel ∥ perp ⟂ mid ∣ vdash ⊢ dashv ⊣ models ⊨ vDash ⊨ Vdash ⊩ smile ⌣ frown ⌢ bowtie ⋈ Join ⋈ between ≬ therefore ∴ because ∵
to → gets ← leftarrow ← rightarrow → uparrow ↑ downarrow ↓ leftrightarrow ↔ updownarrow ↕ Leftarrow ⇐ Rightarrow ⇒ Uparrow ⇑ Downarrow ⇓
Leftrightarrow ⇔ Updownarrow ⇕ iff ⟺ implies ⟹ impliedby ⟸ mapsto ↦ longmapsto ⟼ longleftarrow ⟵ longrightarrow ⟶ longleftrightarrow ⟷
Longleftarrow ⟸ Longrightarrow ⟹ Longleftrightarrow ⟺ hookleftarrow ↩ hookrightarrow ↪ nearrow ↗ searrow ↘ swarrow ↙ nwarrow ↖ leadsto ⇝
rightsquigarrow ⇝ leftharpoonup ↼ leftharpoondown ↽ rightharpoonup ⇀ rightharpoondown ⇁ rightleftharpoons ⇌ leftrightharpoons ⇋ rightrightarrows ⇉
leftleftarrows ⇇ twoheadrightarrow ↠ nrightarrow ↛ nleftarrow ↚ nRightarrow ⇏ circlearrowleft ↺ circlearrowright ↻ curvearrowright ↷
neg ¬ lnot ¬ colon : surd √ backslash \ vert | Vert ∥ | ∥ bmod mod`
	fences = `
{ { } } lbrace { rbrace } lbrack [ rbrack ] langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lvert | rvert | lVert ∥ rVert ∥
lgroup ⟮ rgroup ⟯ ulcorner ⌜ urcorner ⌝ llcorner ⌞ lrcorner ⌟`
	sums = `
sum ∑ prod ∏ coprod ∐ bigcap ⋂ bigcup ⋃ bigvee ⋁ bigwedge ⋀ bigoplus ⨁ bigotimes ⨂ bigodot ⨀ biguplus ⨄ bigsqcup ⨆`
	integrals = `
int ∫ iint ∬ iiint ∭ oint ∮ oiint ∯ intop ∫ smallint ∫`
	functions = `
arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan tanh`
	limits = `
det gcd inf lim liminf limsup max min Pr sup argmax argmin injlim projlim`
)

// symbols is made on first use: most programs that link this package draw no formula.
var symbols = sync.OnceValue(func() map[string]symbol {
	all := map[string]symbol{}
	pairs := func(list string, s symbol) {
		words := strings.Fields(list)
		for i := 0; i < len(words); i += 2 {
			s.text = words[i+1]
			all[words[i]] = s
		}
	}
	pairs(identifiers, symbol{tag: "mi"})
	pairs(uprights, symbol{tag: "mi", attributes: ` mathvariant="normal"`})
	pairs(operators, symbol{tag: "mo", attributes: ` stretchy="false"`})
	pairs(fences, symbol{tag: "mo", attributes: ` stretchy="false"`})
	pairs(sums, symbol{tag: "mo", limits: true})
	pairs(integrals, symbol{tag: "mo"})
	for _, name := range strings.Fields(functions) {
		all[name] = symbol{tag: "mi", text: name, function: true}
	}
	for _, name := range strings.Fields(limits) {
		text := strings.NewReplacer("liminf", "lim\u2009inf", "limsup", "lim\u2009sup", "argm", "arg\u2009m").Replace(name)
		all[name] = symbol{tag: "mo", text: text, attributes: ` movablelimits="true"`, limits: true, function: true}
	}
	return all
})

// accents are drawn over one argument; the wide ones stretch with it.
var accents = map[string]struct {
	text string
	wide bool
}{
	"hat": {"^", false}, "widehat": {"^", true}, "tilde": {"~", false}, "widetilde": {"~", true}, "bar": {"¯", false}, "vec": {"→", false},
	"overline": {"‾", true}, "overrightarrow": {"→", true}, "overleftarrow": {"←", true}, "overleftrightarrow": {"↔", true},
	"dot": {"˙", false}, "ddot": {"¨", false}, "dddot": {"⃛", false}, "check": {"ˇ", false}, "breve": {"˘", false}, "acute": {"´", false},
	"grave": {"`", false}, "mathring": {"˚", false}, "overbrace": {"⏞", true}, "overbracket": {"⎴", true},
}

var underAccents = map[string]string{"underline": "_", "underbrace": "⏟", "underbracket": "⎵", "underrightarrow": "→", "underleftarrow": "←"}

var spaces = map[string]string{
	",": "0.167em", ":": "0.222em", ">": "0.222em", ";": "0.278em", "!": "-0.167em", " ": "0.333em", "quad": "1em", "qquad": "2em", "enspace": "0.5em",
	"thinspace": "0.167em", "medspace": "0.222em", "thickspace": "0.278em", "negthinspace": "-0.167em", "nobreakspace": "0.333em", "~": "0.333em", "\n": "0.333em",
}

var sizes = map[string]string{"big": "1.2em", "Big": "1.623em", "bigg": "2.047em", "Bigg": "2.470em"}

// variants are the fonts of letters, by command.
var variants = map[string]string{
	"mathrm": "normal", "rm": "normal", "mathup": "normal", "mathit": "italic", "it": "italic", "mathnormal": "italic", "mathbf": "bold", "bf": "bold",
	"boldsymbol": "bold-italic", "bm": "bold-italic", "pmb": "bold-italic", "mathbb": "double", "Bbb": "double", "mathcal": "script", "cal": "script",
	"mathscr": "script", "mathfrak": "fraktur", "frak": "fraktur", "mathsf": "sans", "sf": "sans", "mathtt": "mono", "tt": "mono",
}

// alphabets say where Unicode has A, a and 0 of a font; 0 where it has none.
var alphabets = map[string][3]rune{
	"bold": {0x1D400, 0x1D41A, 0x1D7CE}, "bold-italic": {0x1D468, 0x1D482, 0x1D7CE}, "double": {0x1D538, 0x1D552, 0x1D7D8},
	"script": {0x1D49C, 0x1D4B6, 0}, "fraktur": {0x1D504, 0x1D51E, 0}, "sans": {0x1D5A0, 0x1D5BA, 0x1D7E2}, "mono": {0x1D670, 0x1D68A, 0x1D7F6},
}

// greek says where Unicode has Alpha and alpha of a font.
var greek = map[string][2]rune{"bold": {0x1D6A8, 0x1D6C2}, "bold-italic": {0x1D71C, 0x1D736}}

// placedElsewhere are letters that Unicode had before it got the alphabets.
var placedElsewhere = map[rune]rune{
	0x1D49D: 'ℬ', 0x1D4A0: 'ℰ', 0x1D4A1: 'ℱ', 0x1D4A3: 'ℋ', 0x1D4A4: 'ℐ', 0x1D4A7: 'ℒ', 0x1D4A8: 'ℳ', 0x1D4AD: 'ℛ', 0x1D4BA: 'ℯ', 0x1D4BC: 'ℊ', 0x1D4C4: 'ℴ',
	0x1D506: 'ℭ', 0x1D50B: 'ℌ', 0x1D50C: 'ℑ', 0x1D515: 'ℜ', 0x1D51D: 'ℨ',
	0x1D53A: 'ℂ', 0x1D53F: 'ℍ', 0x1D545: 'ℕ', 0x1D547: 'ℙ', 0x1D548: 'ℚ', 0x1D549: 'ℝ', 0x1D551: 'ℤ',
}

// inVariant gives a letter or a digit in a font.
func inVariant(r rune, variant string) rune {
	a, styled := alphabets[variant]
	if !styled {
		return r
	}
	was := r
	switch {
	case 'A' <= r && r <= 'Z':
		r += a[0] - 'A'
	case 'a' <= r && r <= 'z':
		r += a[1] - 'a'
	case '0' <= r && r <= '9' && a[2] != 0:
		r += a[2] - '0'
	case 'Α' <= r && r <= 'Ω' && greek[variant][0] != 0:
		r += greek[variant][0] - 'Α'
	case 'α' <= r && r <= 'ω' && greek[variant][1] != 0:
		r += greek[variant][1] - 'α'
	}
	if other, ok := placedElsewhere[r]; ok && r != was {
		return other
	}
	return r
}
