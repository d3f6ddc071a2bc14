using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>Where the broker is and who logs in, from a connection string or from single fields.</summary>
/// <param name="IsTls">Whether the scheme is <c>amqps</c>.</param>
/// <param name="Host">Name or address, IPv6 without brackets.</param>
/// <param name="Port">The port, -1 for the scheme's own.</param>
/// <param name="VirtualHost">The virtual host.</param>
/// <param name="UserName">The user.</param>
/// <param name="Password">The password.</param>
internal sealed record BrokerAddress(bool IsTls, string Host, int Port, string VirtualHost, string UserName, string Password)
{
    private const string Plain = "amqp";
    private const string Tls = "amqps";
    private const string Guest = "guest";

    /// <summary>The address without credentials, fit for logs and errors.</summary>
    public override string ToString()
    {
        var host = Host.Contains(':') ? $"[{Host}]" : Host;
        var port = Port < 0 ? "" : $":{Port}";
        return $"{(IsTls ? Tls : Plain)}://{host}{port}/{Uri.EscapeDataString(VirtualHost)}";
    }

    /// <summary>Reads the fields.</summary>
    /// <exception cref="ComponentMetadataException">The connection string is none or contradicts the protocol.</exception>
    public static BrokerAddress Read(ComponentMetadata metadata)
    {
        var protocol = metadata.Get(RabbitMqFields.Protocol);
        if (protocol is not ("" or Plain or Tls))
        {
            throw new ComponentMetadataException(
                RabbitMqFields.Protocol.Name, $"{RabbitMqSettings.ErrorPrefix} invalid protocol {protocol}");
        }

        var connectionString = metadata.Get(RabbitMqFields.ConnectionString);
        if (connectionString.Length == 0)
        {
            return FromFields(metadata, protocol.Length == 0 ? Plain : protocol);
        }

        var address = Parse(RabbitMqFields.ConnectionString, connectionString);
        if (protocol.Length > 0 && address.IsTls != (protocol == Tls))
        {
            throw new ComponentMetadataException(
                RabbitMqFields.Protocol.Name,
                $"{RabbitMqSettings.ErrorPrefix} protocol does not match connection string, protocol: {protocol}, "
                + $"connection string: {address}");
        }

        return address;
    }

    private static BrokerAddress FromFields(ComponentMetadata metadata, string protocol)
    {
        var address = Parse(RabbitMqFields.HostName, $"{protocol}://{metadata.Get(RabbitMqFields.HostName)}");
        var user = metadata.Get(RabbitMqFields.UserName);
        var password = metadata.Get(RabbitMqFields.Password);
        return user.Length == 0 ? address : address with { UserName = user, Password = password.Length == 0 ? Guest : password };
    }

    private static BrokerAddress Parse(MetadataField<string> field, string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
        {
            throw Invalid(field, "not a URI of the form amqp://user:password@host:port/virtual-host");
        }

        if (uri.Scheme is not (Plain or Tls))
        {
            throw Invalid(field, "the scheme must be amqp or amqps");
        }

        var path = uri.AbsolutePath.TrimStart('/');
        if (path.Contains('/'))
        {
            throw Invalid(field, "a virtual host with a slash must be written with %2F");
        }

        var credentials = uri.UserInfo.Split(':', 2);
        var named = credentials[0].Length > 0;
        return new BrokerAddress(
            uri.Scheme == Tls,
            uri.DnsSafeHost,
            uri.Port,
            path.Length == 0 ? "/" : Uri.UnescapeDataString(path),
            named ? Uri.UnescapeDataString(credentials[0]) : Guest,
            named && credentials.Length == 2 ? Uri.UnescapeDataString(credentials[1]) : Guest);
    }

    // The text is not repeated: what does not parse cannot be told apart from its password.
    private static ComponentMetadataException Invalid(MetadataField<string> field, string problem)
        => new(field.Name, $"{RabbitMqSettings.ErrorPrefix} invalid connection string: (hidden), err: {problem}");
}
