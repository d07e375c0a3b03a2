from cloudify.workflows import ctx, parameters

with open(parameters.folder + '/own', 'a') as opened:
    opened.write('%s %s %d\n' % (ctx.deployment.id, ','.join(parameters.names), len(list(ctx.node_instances))))
