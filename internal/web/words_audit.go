package web

// AuditWords are those of the page Audit.
type AuditWords struct {
	Hint, User, Actor, Since, Submit, Clear     string
	When, Who, What, Detail, Line, Export       string
	Nothing, NothingYet, BadQuery               string
	Chain, ChainHint, Verify, Holds, Rows, Tip  string
	VerifiedAt, NotYet, Broken, BrokenDo, Loose string
	Busy, NoteTip                               string
	Actions                                     map[string]string
}

func englishAudit() AuditWords {
	return AuditWords{
		Hint: "Who did what by hand, when and why. Lines are only ever added.", User: "User id", Actor: "Who", Since: "Since", Submit: "Show", Clear: "Show all",
		When: "When", Who: "Who", What: "What", Detail: "Details and reason", Line: "Line", Export: "Export as CSV",
		Nothing: "No line matches.", NothingYet: "Nothing was done by hand yet.", BadQuery: "That can't be looked for: give a day as YYYY-MM-DD, and one line of text for the rest.",
		Chain: "Chain", ChainHint: "Each line is chained to the one before by SHA-256, so that a change shows.", Verify: "Verify now",
		Holds: "The chain holds", Rows: "Lines", Tip: "Hash behind the last line", VerifiedAt: "Verified", NotYet: "Not verified since alta was started.",
		Broken: "The chain is broken at line %s", BrokenDo: "Somebody has written to the database by other means than alta's. Keep the database as it is, and hold it against a backup.",
		Loose: "Lines not chained yet", Busy: "It is being verified just now; look again in a moment.",
		NoteTip: "Note the hash elsewhere: “alta audit verify --expect” tells later whether all that it covers is still there.",
		Actions: englishActions(),
	}
}

func spanishAudit() AuditWords {
	return AuditWords{
		Hint: "Quién hizo qué a mano, cuándo y por qué. Solo se añaden líneas.", User: "Id del usuario", Actor: "Quién", Since: "Desde", Submit: "Mostrar", Clear: "Mostrar todo",
		When: "Cuándo", Who: "Quién", What: "Qué", Detail: "Detalles y motivo", Line: "Línea", Export: "Exportar como CSV",
		Nothing: "Ninguna línea coincide.", NothingYet: "Aún no se hizo nada a mano.", BadQuery: "Eso no se puede buscar: dé un día como AAAA-MM-DD y una línea de texto para lo demás.",
		Chain: "Cadena", ChainHint: "Cada línea está encadenada a la anterior con SHA-256, de modo que un cambio se nota.", Verify: "Verificar ahora",
		Holds: "La cadena es íntegra", Rows: "Líneas", Tip: "Hash tras la última línea", VerifiedAt: "Verificada", NotYet: "Sin verificar desde que alta arrancó.",
		Broken: "La cadena se rompe en la línea %s", BrokenDo: "Alguien escribió en la base de datos por otros medios que alta. Deje la base como está y compárela con una copia de seguridad.",
		Loose: "Líneas aún sin encadenar", Busy: "Se está verificando en este momento; mire de nuevo enseguida.",
		NoteTip: "Anote el hash en otro lugar: «alta audit verify --expect» dirá más tarde si sigue ahí todo lo que abarca.",
		Actions: spanishActions(),
	}
}
