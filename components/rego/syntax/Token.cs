namespace DaprK8s.Components.Rego;

/// <summary>What a token is.</summary>
internal enum TokenKind
{
    /// <summary>A name or a keyword.</summary>
    Name,

    /// <summary>A number.</summary>
    Number,

    /// <summary>A text; <see cref="Token.Text"/> is its value, without quotes and escapes.</summary>
    String,

    /// <summary>An operator, bracket or separator.</summary>
    Symbol,

    /// <summary>Nothing more follows.</summary>
    End,
}

/// <summary>The smallest unit of a policy's text.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text or value.</param>
/// <param name="Location">Where it starts.</param>
/// <param name="Adjacent">Whether nothing stands between it and the token before.</param>
/// <param name="FirstOfLine">Whether a line ended between it and the token before.</param>
internal readonly record struct Token(TokenKind Kind, string Text, Location Location, bool Adjacent, bool FirstOfLine)
{
    /// <summary>Whether it is this operator, bracket or separator.</summary>
    public bool Is(string symbol) => Kind == TokenKind.Symbol && Text == symbol;

    /// <summary>Whether it is this word.</summary>
    public bool IsWord(string word) => Kind == TokenKind.Name && Text == word;

    /// <summary>How to name it in a message.</summary>
    public string Shown => Kind switch
    {
        TokenKind.End => "the end of the policy",
        TokenKind.String => "a text",
        _ => "\"" + Text + "\"",
    };
}
