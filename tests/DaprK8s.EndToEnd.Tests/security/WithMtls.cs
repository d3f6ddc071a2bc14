using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>The tests of <see cref="HttpHeaderTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class HttpHeaderUnderMtls(HttpPair pair) : HttpHeaderTests(pair);

/// <summary>The tests of <see cref="HttpRoutingTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class HttpRoutingUnderMtls(HttpPair pair) : HttpRoutingTests(pair);

/// <summary>The tests of <see cref="HttpResponseTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class HttpResponseUnderMtls(HttpPair pair) : HttpResponseTests(pair);

/// <summary>The tests of <see cref="StreamingTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class StreamingUnderMtls(HttpPair pair) : StreamingTests(pair);

/// <summary>The tests of <see cref="InvokeServiceTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class InvokeServiceUnderMtls(HttpPair pair) : InvokeServiceTests(pair);

/// <summary>The tests of <see cref="GrpcProxyTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class GrpcProxyUnderMtls(GrpcPair pair) : GrpcProxyTests(pair);

/// <summary>The tests of <see cref="Sdk.DotNet.StreamingSubscriptionTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class DotNetStreamingSubscriptionUnderMtls(Servers servers) : Sdk.DotNet.StreamingSubscriptionTests(servers);

/// <summary>The tests of <see cref="Sdk.DotNet.SubscriptionTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class DotNetSubscriptionUnderMtls(Servers servers) : Sdk.DotNet.SubscriptionTests(servers);

/// <summary>The tests of <see cref="Sdk.DotNet.InvocationTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class DotNetInvocationUnderMtls : Sdk.DotNet.InvocationTests;

/// <summary>The tests of <see cref="Sdk.DotNet.StateTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class DotNetStateUnderMtls(Sidecars sidecars) : Sdk.DotNet.StateTests(sidecars);

/// <summary>The tests of <see cref="Sdk.DotNet.SecretTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class DotNetSecretUnderMtls : Sdk.DotNet.SecretTests;

/// <summary>The tests of <see cref="Sdk.DotNet.SidecarTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class DotNetSidecarUnderMtls : Sdk.DotNet.SidecarTests;

/// <summary>The tests of <see cref="Sdk.JavaScript.ClientTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class JavaScriptClientUnderMtls(Servers servers) : Sdk.JavaScript.ClientTests(servers);

/// <summary>The tests of <see cref="Sdk.JavaScript.ServerTests"/>, with mTLS on.</summary>
[SidecarSecurity(Fixture.Security.Mtls)]
public sealed class JavaScriptServerUnderMtls(Servers servers) : Sdk.JavaScript.ServerTests(servers);
