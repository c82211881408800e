package web

// UsersWords are those of the page Users.
type UsersWords struct {
	Hint, Search, SearchHint, Submit, Clear        string
	Country, Status, Stage, Type, Language         string
	AnyCountry, AnyStatus, AnyStage, AnyType       string
	AnyLanguage                                    string
	User, Mails, LastMail, Opened, Added           string
	Nobody, NobodyYet, NobodyAtAll, GoOn, Previous string
	Pages, BadQuery, BadPlace                      string
	Stages                                         map[string]string
}

func englishUsers() UsersWords {
	return UsersWords{
		Hint: "Everybody in the ledger.", Search: "Search", SearchHint: "How an e-mail address, a name or an id begins", Submit: "Search", Clear: "Show all",
		Country: "Country", Status: "Status", Stage: "Stage", Type: "Type", Language: "Language",
		AnyCountry: "Any country", AnyStatus: "Any status", AnyStage: "Any stage", AnyType: "Any type", AnyLanguage: "Any language",
		User: "User", Mails: "Mails", LastMail: "Latest mail", Opened: "Opened", Added: "Added",
		Nobody: "Nobody matches.", NobodyYet: "Nobody matches among those looked at so far; there are more to look at.",
		NobodyAtAll: "There is nobody in the ledger yet. “alta users import” brings them in.", GoOn: "Look further", Previous: "Previous page",
		Pages: "Pages", BadQuery: "That can't be looked for: choose from the lists, and search for one line of at most 200 characters.",
		BadPlace: "The link to this page does not fit the search. Begin with the first page.",
		Stages: map[string]string{
			"waiting": "Waiting for the first mail", "mailed": "Mailed", "opened": "Opened the link", "withdrawn": "Withdrawn by the source", "bad_email": "Address undeliverable",
		},
	}
}

func spanishUsers() UsersWords {
	return UsersWords{
		Hint: "Todos los del registro.", Search: "Buscar", SearchHint: "Cómo empieza un correo, un nombre o un id", Submit: "Buscar", Clear: "Mostrar todos",
		Country: "País", Status: "Estado", Stage: "Etapa", Type: "Tipo", Language: "Idioma",
		AnyCountry: "Todos los países", AnyStatus: "Todos los estados", AnyStage: "Todas las etapas", AnyType: "Todos los tipos", AnyLanguage: "Todos los idiomas",
		User: "Usuario", Mails: "Correos", LastMail: "Último correo", Opened: "Abrió", Added: "Alta",
		Nobody: "Nadie coincide.", NobodyYet: "Nadie coincide entre los revisados hasta ahora; quedan más por revisar.",
		NobodyAtAll: "Aún no hay nadie en el registro. «alta users import» los trae.", GoOn: "Seguir buscando", Previous: "Página anterior",
		Pages: "Páginas", BadQuery: "Eso no se puede buscar: elija de las listas y busque una línea de 200 caracteres como máximo.",
		BadPlace: "El enlace a esta página no corresponde a la búsqueda. Empiece por la primera página.",
		Stages: map[string]string{
			"waiting": "Esperan el primer correo", "mailed": "Con correo", "opened": "Abrieron el enlace", "withdrawn": "Retirados por la fuente", "bad_email": "Dirección sin entrega",
		},
	}
}
