namespace DaprK8s.Generator;

/// <summary>
/// Every component type that a Component resource of Dapr may have, with its other names and its versions (contract: components
/// 1.1 to 1.6). Kept by hand; those that a provider of this project serves are found in its catalogue as well.
/// </summary>
internal static class DaprTypes
{
    /// <summary>Types; an equals sign before each other name of the same, a blank before each version but a sole <c>v1</c>.</summary>
    public static IReadOnlyList<(string[] Types, string[] Versions)> All { get; } = Text
        .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(' '))
        .Select(words => (words[0].Split('='), words.Length > 1 ? words[1..] : ["v1"]))
        .ToList();

    private const string Text = """
        state.aerospike
        state.alicloud.tablestore
        state.aws.dynamodb
        state.azure.blobstorage v1 v2
        state.azure.cosmosdb
        state.azure.tablestorage
        state.cassandra
        state.cloudflare.workerskv
        state.cockroachdb v1 v2
        state.coherence
        state.couchbase
        state.etcd v1 v2
        state.gcp.firestore
        state.hashicorp.consul=state.consul
        state.hazelcast
        state.in-memory
        state.jetstream
        state.memcached
        state.mongodb
        state.mysql
        state.oci.objectstorage
        state.oracledatabase
        state.postgresql=state.postgres v1 v2
        state.ravendb
        state.redis
        state.rethinkdb
        state.sqlite=state.sqlite3
        state.sqlserver v1 v2
        state.yugabytedb=state.yugabyte v2
        state.zookeeper
        pubsub.aws.snssqs=pubsub.snssqs
        pubsub.azure.eventhubs
        pubsub.azure.servicebus.queues=pubsub.azure.servicebusqueues
        pubsub.azure.servicebus.topics=pubsub.azure.servicebus
        pubsub.gcp.pubsub
        pubsub.in-memory
        pubsub.jetstream
        pubsub.kafka
        pubsub.kubemq
        pubsub.mqtt3=pubsub.mqtt
        pubsub.pulsar
        pubsub.rabbitmq
        pubsub.redis
        pubsub.rocketmq
        pubsub.solace.amqp
        bindings.alicloud.dingtalk.webhook=bindings.dingtalk.webhook
        bindings.alicloud.oss
        bindings.alicloud.sls
        bindings.alicloud.tablestore
        bindings.apns
        bindings.aws.dynamodb
        bindings.aws.kinesis
        bindings.aws.s3
        bindings.aws.ses
        bindings.aws.sns
        bindings.aws.sqs
        bindings.azure.blobstorage
        bindings.azure.cosmosdb
        bindings.azure.cosmosdb.gremlinapi
        bindings.azure.eventgrid
        bindings.azure.eventhubs
        bindings.azure.openai
        bindings.azure.servicebus.queues=bindings.azure.servicebusqueues
        bindings.azure.signalr
        bindings.azure.storagequeues
        bindings.cloudflare.queues
        bindings.commercetools
        bindings.cron
        bindings.dubbo=bindings.alicloud.dubbo
        bindings.gcp.bucket
        bindings.gcp.pubsub
        bindings.graphql
        bindings.http
        bindings.huawei.obs
        bindings.influx
        bindings.kafka
        bindings.kubemq
        bindings.kubernetes
        bindings.localstorage
        bindings.mqtt3=bindings.mqtt
        bindings.mysql
        bindings.postgres=bindings.postgresql
        bindings.postmark
        bindings.rabbitmq
        bindings.redis
        bindings.rethinkdb.statechange
        bindings.rocketmq
        bindings.sftp
        bindings.smtp
        bindings.twilio.sendgrid
        bindings.twilio.sms
        bindings.wasm
        bindings.zeebe.command
        bindings.zeebe.jobworker
        secretstores.alicloud.parameterstore
        secretstores.aws.parameterstore
        secretstores.aws.secretmanager
        secretstores.azure.keyvault
        secretstores.gcp.secretmanager
        secretstores.hashicorp.vault
        secretstores.huaweicloud.csms
        secretstores.kubernetes
        secretstores.local.env
        secretstores.local.file
        secretstores.tencentcloud.ssm
        configuration.azure.appconfig
        configuration.kubernetes
        configuration.postgresql=configuration.postgres
        configuration.redis
        lock.redis
        crypto.azure.keyvault
        crypto.dapr.jwks
        crypto.dapr.kubernetes.secrets
        crypto.dapr.localstorage
        conversation.anthropic
        conversation.aws.bedrock
        conversation.deepseek
        conversation.echo
        conversation.googleai
        conversation.huggingface
        conversation.mistral
        conversation.ollama
        conversation.openai
        middleware.http.bearer
        middleware.http.oauth2
        middleware.http.oauth2clientcredentials
        middleware.http.opa
        middleware.http.ratelimit
        middleware.http.routeralias
        middleware.http.routerchecker
        middleware.http.sentinel
        middleware.http.uppercase
        middleware.http.wasm
        """;
}
